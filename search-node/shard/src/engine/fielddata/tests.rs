//! Values are made once, go in the order of their use, and take no room that is not there.

use super::*;

struct Held(#[expect(dead_code, reason = "held, not read")] Charge, u32);

impl Keepable for Held {}

fn get(of: &SegmentFielddata, name: &str, bytes: usize, number: u32) -> Result<Arc<Held>, NoRoom> {
    of.get_or_make(name, || Ok(()), |mut charge| charge.set(bytes).map(|()| Held(charge, number)))
}

#[test]
fn values_are_made_once_and_the_least_used_go_first() {
    let all = Fielddata::new(100);
    let (a, b) = (SegmentFielddata::new(&all, &Arc::default()), SegmentFielddata::new(&all, &Arc::default()));

    for (of, number, found) in [(&a, 1, 1), (&b, 2, 2), (&a, 9, 1)] {
        assert_eq!(get(of, "x", 40, number).expect("room").1, found);
    }
    assert_eq!((all.bytes(), a.bytes()), (80, 40));
    get(&a, "y", 30, 3).expect("room is made");

    assert_eq!((all.bytes(), a.bytes(), b.bytes()), (70, 70, 0));
    assert_eq!((a.evictions(), b.evictions()), (0, 1));
    assert_eq!(get(&a, "x", 40, 4).expect("kept").1, 1, "it was used after the other one");
    assert_eq!(get(&b, "x", 30, 5).expect("made again").1, 5);
    assert_eq!(all.bytes(), 100);
}

#[test]
fn what_is_held_stays_and_what_does_not_fit_beside_it_is_refused() {
    let all = Fielddata::new(100);
    let of = SegmentFielddata::new(&all, &Arc::default());

    let held = get(&of, "x", 60, 1).expect("room");
    let refused = get(&of, "y", 50, 2).err();

    assert_eq!(refused, Some(NoRoom { wanted: 110, limit: 100 }));
    assert_eq!(all.bytes(), 60);
    drop(held);
    assert_eq!(get(&of, "y", 50, 3).expect("the other goes").1, 3);
    assert_eq!(all.bytes(), 50);
    let more = of.get_or_make::<_, NoRoom>(
        "z",
        || Ok(()),
        |mut charge| {
            charge.set_in_any_case(101);
            Ok(Held(charge, 4))
        },
    );
    assert_eq!((more.map(|held| held.1), all.bytes()), (Ok(4), 101));
}

#[test]
fn a_segment_takes_its_values_with_it() {
    let all = Fielddata::new(100);
    let of = SegmentFielddata::new(&all, &Arc::default());
    let held = get(&of, "x", 60, 1).expect("room");
    get(&of, "y", 30, 1).expect("room");

    drop(of);

    assert_eq!(all.bytes(), 60, "somebody holds one of them");
    drop(held);
    assert_eq!(all.bytes(), 0);
    assert!(all.kept.lock().segments.is_empty() && all.kept.lock().by_use.is_empty());
}

#[test]
fn who_waits_for_another_can_be_told_to_stop() {
    let all = Fielddata::new(100);
    let of = SegmentFielddata::new(&all, &Arc::default());

    std::thread::scope(|scope| {
        let made = get_slowly(&of, || {
            let waiting =
                scope.spawn(|| of.get_or_make::<Held, _>("x", || Err("stop"), |_| Err("made twice")));
            waiting.join().expect("no panic").err()
        });
        assert_eq!(made, Some("stop"));
    });
    assert_eq!(get(&of, "x", 1, 2).expect("there").1, 7);
}

/// Those of several names take the room of one, and nothing is left of them once that is wanted.
#[test]
fn what_was_made_together_goes_together() {
    let all = Fielddata::new(100);
    let of = SegmentFielddata::new(&all, &Arc::default());
    let names: Vec<Arc<str>> = ["a", "b", "c"].map(Arc::from).to_vec();
    let made = |names: &[Arc<str>], number| {
        let mut found = vec![None; names.len()];
        let mut asked = Vec::new();
        let done = of.get_or_make_all(
            names,
            &mut found,
            || Ok(()),
            |missing, charge| {
                asked = missing.to_vec();
                let mut charge = charge();
                charge.set(60).map(|()| vec![(missing.to_vec(), Held(charge, number))])
            },
        );
        done.expect("room");
        (asked, found.iter().flatten().map(|held| held.1).collect::<Vec<_>>())
    };

    assert_eq!(made(&names[..2], 1), (vec![0, 1], vec![1, 1]));
    assert_eq!(made(&names[1..2], 2), (vec![], vec![1]));
    assert_eq!(made(&names[2..], 3), (vec![0], vec![3]));
    assert_eq!((all.bytes(), of.evictions()), (60, 1));
    assert_eq!(made(&names[1..2], 4), (vec![0], vec![4]));
}

/// All that others had made used to go for it, and then it was refused.
#[test]
fn what_never_fits_is_refused_before_anything_goes_for_it() {
    let all = Fielddata::new(100);
    let of = SegmentFielddata::new(&all, &Arc::default());
    get(&of, "x", 60, 1).expect("room");

    assert_eq!(get(&of, "y", 101, 2).err(), Some(NoRoom { wanted: 161, limit: 100 }));

    assert_eq!((all.bytes(), of.evictions()), (60, 0));
    assert_eq!(get(&of, "x", 60, 3).expect("kept").1, 1);
}

/// Whoever wanted it used to ask again and again.
#[test]
fn what_is_left_out_is_not_asked_for_again() {
    let all = Fielddata::new(100);
    let of = SegmentFielddata::new(&all, &Arc::default());
    let names: Vec<Arc<str>> = ["a", "b"].map(Arc::from).to_vec();
    let mut found: Vec<Option<Arc<Held>>> = vec![None; 2];

    let made = of.get_or_make_all::<_, NoRoom>(
        &names,
        &mut found,
        || Ok(()),
        |_, charge| Ok(vec![(vec![1], Held(charge(), 2))]),
    );

    assert_eq!(made, Ok(()));
    assert_eq!(
        found.iter().map(|found| found.as_ref().map(|held| held.1)).collect::<Vec<_>>(),
        [None, Some(2)]
    );
    assert_eq!(get(&of, "a", 1, 3).expect("made").1, 3, "nobody waits for it");
}

/// Two used to look whether there is room before either took it.
#[test]
fn no_two_take_the_same_room() {
    let all = Fielddata::new(100);
    let of = SegmentFielddata::new(&all, &Arc::default());
    let arrived = AtomicUsize::new(0);
    let meet = |times: usize| {
        arrived.fetch_add(1, Ordering::SeqCst);
        while arrived.load(Ordering::SeqCst) < 2 * times {
            std::hint::spin_loop();
        }
    };

    let taken = std::thread::scope(|scope| {
        let both = [0, 1].map(|_| {
            scope.spawn(|| {
                let mut taken = Vec::new();
                for round in 0..200 {
                    let mut charge = of.charge();
                    meet(2 * round + 1);
                    taken.push(charge.set(60).is_ok());
                    meet(2 * round + 2);
                }
                taken
            })
        });
        both.map(|one| one.join().expect("no panic"))
    });

    let is_one = |(one, other): (&bool, &bool)| one != other;
    assert_eq!(taken[0].iter().zip(&taken[1]).position(|pair| !is_one(pair)), None);
    assert_eq!((all.bytes(), of.bytes()), (0, 0));
}

struct Counting(AtomicUsize);

impl Aside for Counting {
    fn wait(&self, wait: &mut dyn FnMut() -> bool, _: &dyn Fn() -> bool) {
        self.0.fetch_add(1, Ordering::Relaxed);
        wait();
    }
}

#[test]
fn who_waits_for_another_stands_aside() {
    let aside = Arc::new(Counting(AtomicUsize::new(0)));
    let all = Fielddata::with_aside(100, Arc::<Counting>::clone(&aside));
    let of = SegmentFielddata::new(&all, &Arc::default());

    std::thread::scope(|scope| {
        let waiting = get_slowly(&of, || {
            let waiting = scope.spawn(|| get(&of, "x", 1, 8).map(|held| held.1));
            while aside.0.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            waiting
        });
        assert_eq!(waiting.join().expect("no panic"), Ok(7));
    });
    assert_eq!(aside.0.load(Ordering::Relaxed), 1);
}

/// Makes a value, and calls `meanwhile` while it does.
fn get_slowly<R>(of: &SegmentFielddata, meanwhile: impl FnOnce() -> R) -> R {
    let (mut meanwhile, mut result) = (Some(meanwhile), None);
    let made = of.get_or_make::<_, &str>(
        "x",
        || Ok(()),
        |charge| {
            result = meanwhile.take().map(|meanwhile| meanwhile());
            Ok(Held(charge, 7))
        },
    );
    made.expect("made");
    result.expect("called")
}

/// Shards that were split, shrunk or cloned have the same segments by their names.
#[test]
fn no_segment_gets_what_is_kept_of_another_one() {
    let all = Fielddata::new(100);
    let of = || SegmentFielddata::new(&all, &Arc::default());
    let (a, b) = (of(), of());
    assert_eq!((get(&a, "x", 10, 1).expect("room").1, get(&b, "x", 20, 2).expect("room").1), (1, 2));
    assert_eq!((a.bytes(), b.bytes(), a.entries(), b.entries()), (10, 20, 1, 1));
    drop(a);
    assert_eq!((all.bytes(), get(&b, "x", 20, 3).expect("kept").1), (20, 2));
}
