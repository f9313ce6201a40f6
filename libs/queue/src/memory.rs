//! The memory queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use event::{AckHandle, Batch, Event};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};

/// The bounds of a memory queue.
#[derive(Debug, Clone, Copy)]
pub struct MemoryQueueOptions {
    /// The most events that wait or are on their way.
    pub events_max: usize,
    /// The most events of one batch at the consumer's end.
    pub batch_events_max: usize,
    /// How long a batch waits to fill.
    pub flush: Duration,
}

/// The other end is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is closed")]
pub struct Closed;

/// Makes a queue.
pub fn memory(options: MemoryQueueOptions) -> (Producer, Consumer) {
    let events_max = options.events_max.max(1);
    let places = Arc::new(Semaphore::new(events_max));
    // The semaphore is the bound; the channel never holds more batches than there are places.
    let (sender, receiver) = mpsc::channel(events_max);
    let producer = Producer { sender, places: Arc::clone(&places), events_max };
    let waiting =
        Waiting { receiver, rest: VecDeque::new(), batch_events_max: options.batch_events_max.max(1) };
    let consumer = Consumer { waiting: Arc::new(Mutex::new(waiting)), places, flush: options.flush };
    (producer, consumer)
}

/// The end where events go in; clones share it.
#[derive(Debug, Clone)]
pub struct Producer {
    sender: mpsc::Sender<Batch>,
    places: Arc<Semaphore>,
    events_max: usize,
}

impl Producer {
    /// Puts a batch in, waiting for places. An empty batch is acked at once.
    pub async fn push(&self, batch: Batch) -> Result<(), Closed> {
        let Batch { mut events, acks } = batch;
        if events.is_empty() {
            Batch { events, acks }.delivered();
            return Ok(());
        }
        while events.len() > self.events_max {
            let rest = events.split_off(self.events_max);
            self.send(Batch { events: std::mem::replace(&mut events, rest), acks: acks.clone() }).await?;
        }
        self.send(Batch { events, acks }).await
    }

    /// Events that wait or are on their way.
    pub fn len(&self) -> usize {
        self.events_max.saturating_sub(self.places.available_permits())
    }

    /// Whether nothing waits or is on its way.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn send(&self, batch: Batch) -> Result<(), Closed> {
        let places = u32::try_from(batch.events.len()).unwrap_or(u32::MAX);
        let permit = tokio::select! {
            permit = self.places.acquire_many(places) => permit.map_err(|_| Closed)?,
            () = self.sender.closed() => return Err(Closed),
        };
        self.sender.send(batch).await.map_err(|_| Closed)?;
        permit.forget();
        Ok(())
    }
}

/// The end where events come out; clones share the work, each event goes to one of them.
#[derive(Debug, Clone)]
pub struct Consumer {
    waiting: Arc<Mutex<Waiting>>,
    places: Arc<Semaphore>,
    flush: Duration,
}

#[derive(Debug)]
struct Waiting {
    receiver: mpsc::Receiver<Batch>,
    rest: VecDeque<Batch>,
    batch_events_max: usize,
}

impl Consumer {
    /// The next batch: full, or what came within the flush time after its first event. None once the queue is
    /// empty and every producer is gone. Safe to cancel: nothing is lost.
    pub async fn next(&self) -> Option<Batch> {
        let mut waiting = self.waiting.lock().await;
        waiting.fill_first().await?;
        let deadline = Instant::now() + self.flush;
        while waiting.held() < waiting.batch_events_max {
            match timeout_at(deadline, waiting.receiver.recv()).await {
                Ok(Some(batch)) => waiting.rest.push_back(batch),
                Ok(None) | Err(_) => break,
            }
        }
        let mut batch = waiting.take();
        let places = Arc::clone(&self.places);
        let count = batch.events.len();
        batch.acks.push(AckHandle::new(move |_| places.add_permits(count)));
        Some(batch)
    }
}

impl Waiting {
    async fn fill_first(&mut self) -> Option<()> {
        if self.rest.is_empty() {
            let first = self.receiver.recv().await?;
            self.rest.push_back(first);
        }
        Some(())
    }

    fn held(&self) -> usize {
        self.rest.iter().map(|batch| batch.events.len()).sum()
    }

    /// One batch of at most `batch_events_max` events; a source whose batch is cut in two gives a share of its ack to each part.
    fn take(&mut self) -> Batch {
        let mut events: Vec<Event> = Vec::new();
        let mut acks = Vec::new();
        while let Some(mut front) = self.rest.pop_front() {
            let room = self.batch_events_max - events.len();
            if front.events.len() <= room {
                events.append(&mut front.events);
                acks.append(&mut front.acks);
                if events.len() == self.batch_events_max {
                    break;
                }
            } else {
                let rest = front.events.split_off(room);
                events.append(&mut front.events);
                acks.extend(front.acks.iter().cloned());
                self.rest.push_front(Batch { events: rest, acks: front.acks });
                break;
            }
        }
        Batch { events, acks }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use event::{Delivery, Timestamp};

    use super::*;

    fn events(count: usize) -> Vec<Event> {
        (0..count).map(|n| Event::at(Timestamp::from_nanos(n as i128))).collect()
    }

    fn options(events_max: usize, batch_events_max: usize) -> MemoryQueueOptions {
        MemoryQueueOptions { events_max, batch_events_max, flush: Duration::from_millis(1) }
    }

    fn recorded() -> (AckHandle, Arc<StdMutex<Vec<Delivery>>>) {
        let seen = Arc::new(StdMutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        (AckHandle::new(move |delivery| sink.lock().unwrap().push(delivery)), seen)
    }

    #[tokio::test]
    async fn order_is_kept_across_joined_and_cut_batches() {
        let (producer, consumer) = memory(options(100, 4));
        for _ in 0..3 {
            producer.push(Batch::without_ack(events(3))).await.expect("open");
        }
        drop(producer);

        let mut sizes = Vec::new();
        let mut order = Vec::new();
        while let Some(batch) = consumer.next().await {
            sizes.push(batch.events.len());
            order.extend(batch.events.iter().map(|event| event.timestamp.as_nanos()));
            batch.delivered();
        }

        assert_eq!(sizes, [4, 4, 1]);
        assert_eq!(order, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    }

    #[tokio::test]
    async fn a_cut_batch_is_acked_once_after_its_last_part() {
        let (producer, consumer) = memory(options(10, 2));
        let (ack, seen) = recorded();
        producer.push(Batch { events: events(3), acks: vec![ack] }).await.expect("open");

        consumer.next().await.expect("first part").delivered();
        assert!(seen.lock().unwrap().is_empty());
        consumer.next().await.expect("second part").delivered();

        assert_eq!(*seen.lock().unwrap(), [Delivery::Delivered]);
    }

    #[tokio::test]
    async fn a_full_queue_waits_until_events_are_acked_not_merely_taken() {
        let (producer, consumer) = memory(options(2, 2));
        producer.push(Batch::without_ack(events(2))).await.expect("open");
        let taken = consumer.next().await.expect("a batch");

        let blocked =
            tokio::time::timeout(Duration::from_millis(20), producer.push(Batch::without_ack(events(1))))
                .await;
        assert!(blocked.is_err(), "the places are still held");
        taken.delivered();

        producer.push(Batch::without_ack(events(1))).await.expect("places are free");
    }

    #[tokio::test]
    async fn a_batch_larger_than_the_queue_travels_in_parts() {
        let (producer, consumer) = memory(options(2, 10));
        let (ack, seen) = recorded();
        let pushing =
            tokio::spawn(async move { producer.push(Batch { events: events(5), acks: vec![ack] }).await });

        let mut count = 0;
        while let Some(batch) = consumer.next().await {
            count += batch.events.len();
            batch.delivered();
        }

        assert_eq!(count, 5);
        assert_eq!(pushing.await.expect("no panic"), Ok(()));
        assert_eq!(*seen.lock().unwrap(), [Delivery::Delivered]);
    }

    #[tokio::test]
    async fn a_producer_hears_that_the_consumer_is_gone() {
        let (producer, consumer) = memory(options(1, 1));
        drop(consumer);

        assert_eq!(producer.push(Batch::without_ack(events(1))).await, Err(Closed));
    }
}
