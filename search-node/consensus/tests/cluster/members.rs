//! Nodes come, vote, hand over and go.

use std::collections::BTreeSet;
use std::time::Duration;

use consensus::{ChangeError, ProposeError, StartError};

use crate::cluster::{Cluster, SOON};
use crate::simulate;

#[test]
fn one_node_alone_agrees_with_itself_and_remembers() {
    simulate(async {
        let mut cluster = Cluster::alone(1).await;
        for id in 0..100_u64 {
            let agreed = cluster.node(1).propose(id.to_le_bytes().to_vec(), SOON).await.expect("agreed");
            assert_eq!(agreed.answer, id.to_le_bytes());
        }
        assert!(matches!(cluster.node(1).bootstrap().await, Err(ChangeError::Refused(_))));

        cluster.restart(1, 4).await;

        assert!(cluster.node(1).is_bootstrapped().await.expect("runs"));
        let leader = cluster.leader().await;
        assert_eq!(
            leader.read(|ledger| ledger.0.clone()).await.expect("reads"),
            (0..100).collect::<Vec<u64>>()
        );
        assert!(leader.status().snapshot_index.is_some_and(|index| index > 60), "{:?}", leader.status());
        cluster.stop().await;
    });
}

#[test]
fn a_node_that_joins_late_gets_a_snapshot_and_learns_without_voting() {
    simulate(async {
        let mut cluster = Cluster::alone(2).await;
        for id in 0..100_u64 {
            cluster.node(1).propose(id.to_le_bytes().to_vec(), SOON).await.expect("agreed");
        }

        cluster.join(2).await;
        let ledgers = cluster.settle().await;

        assert_eq!(ledgers[1], (0..100).collect::<Vec<u64>>());
        let is_known = |status: &consensus::Status| status.lags.get(&2) == Some(&Some(0));
        let status = cluster.node(1).wait_status(is_known).await;
        assert_eq!(status.voters, BTreeSet::from([1]));
        assert_eq!(status.addresses[&2], "node-2");
        let refused = cluster.node(2).propose(vec![0; 8], SOON).await;
        assert!(matches!(refused, Err(ProposeError::NotLeader { leader: Some(leader) }) if leader.node == 1));
        cluster.node(1).remove(2, SOON).await.expect("agreed");
        assert!(!cluster.node(1).status().addresses.contains_key(&2));
        cluster.stop().await;
    });
}

#[test]
fn a_leader_that_leaves_hands_over_first() {
    simulate(async {
        for (voters, rest) in [(&[1][..], &[2][..]), (&[1, 2, 3], &[2, 3]), (&[1, 2, 3, 4, 5], &[2, 4, 5])] {
            let mut cluster = Cluster::alone(5).await;
            for node in 2..=voters.len().max(2) as u64 {
                cluster.join(node).await;
            }
            let leader = cluster.leader().await;
            leader.change_voters(voters.iter().copied().collect(), SOON).await.expect("agreed");
            leader.propose(7_u64.to_le_bytes().to_vec(), SOON).await.expect("agreed");
            let rest: BTreeSet<u64> = rest.iter().copied().collect();
            let began = tokio::time::Instant::now();

            let handed = leader.hand_over(rest.clone(), SOON).await;
            assert!(handed.is_ok(), "{handed:?}, {:#?}, {:#?}", leader.status(), cluster.node(2).status());

            // Much sooner than a leader that falls silent is missed.
            assert!(began.elapsed() < Duration::from_millis(1_500), "{voters:?}: {:?}", began.elapsed());
            let heir = leader.status().leader.expect("known").node;
            assert!(rest.contains(&heir));
            leader.stop().await.expect("stopped");
            cluster.network.disconnect(1);
            let heir = cluster.node(heir);
            heir.propose(8_u64.to_le_bytes().to_vec(), SOON)
                .await
                .expect("it goes on without the one who left");
            assert_eq!(heir.peek(|ledger| ledger.0.clone()), [7, 8]);
            cluster.nodes().lock().expect("no panic").remove(&1);
            cluster.stop().await;
        }
    });
}

/// Between the two steps of a change most of both sets must agree. Whoever leads next goes on.
#[test]
fn a_change_of_the_voters_whose_leader_went_is_finished_by_the_next() {
    simulate(async {
        let mut cluster = Cluster::alone(4).await;
        for node in 2..=4 {
            cluster.join(node).await;
        }
        let leader = cluster.leader().await;
        leader.change_voters([1, 2, 3].into(), SOON).await.expect("agreed");
        let goal: BTreeSet<u64> = [2, 3, 4].into();
        let (changing, wanted) = (cluster.node(1), goal.clone());
        let change = tokio::spawn(async move { changing.change_voters(wanted, SOON).await });
        // The others know of it, and of no end.
        cluster.node(2).wait_status(|status| status.changing_to.is_some()).await;
        cluster.network.isolate(1);
        let led = |status: &consensus::Status| status.leader.as_ref().is_some_and(|leader| leader.node != 1);
        let heir = cluster.node(2).wait_status(led).await.leader.expect("known").node;
        let heir = cluster.node(heir);
        // Before anything of its own is agreed on, it may not.
        heir.propose(7_u64.to_le_bytes().to_vec(), SOON).await.expect("agreed");
        if heir.status().changing_to.is_some() {
            assert_eq!(heir.status().changing_to, Some(goal.clone()));
            heir.change_voters(goal.clone(), SOON).await.expect("agreed");
        }

        let status = heir.wait_status(|status| status.changing_to.is_none()).await;
        assert_eq!(status.voters, goal);
        heir.propose(8_u64.to_le_bytes().to_vec(), SOON).await.expect("agreed without the one that went");
        change.abort();
        cluster.network.heal();
        cluster.stop().await;
    });
}

#[test]
fn without_a_majority_nothing_is_agreed_on_and_no_read_is_answered() {
    simulate(async {
        let cluster = Cluster::new(4).await;
        let leader = cluster.leader().await;
        cluster.network.isolate(leader.status().node);

        let unknown = leader.propose(vec![0; 8], Duration::from_secs(10)).await;
        assert!(
            matches!(unknown, Err(ProposeError::Unknown { .. } | ProposeError::NotLeader { .. })),
            "{unknown:?}"
        );
        assert!(leader.read(|_| ()).await.is_err());
        cluster.network.heal();
        let settled = cluster.settle().await;

        // Agreed on later or never, but on all nodes the same.
        assert!(settled.iter().all(|ledger| *ledger == settled[0]));
        cluster.stop().await;
    });
}

/// As in a program: several threads, a real disk, real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_and_a_real_disk_it_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    for run in 0..2_u64 {
        let mut options = consensus::Options::new(1, "node-1", folder.path(), disk::HostDisk::shared());
        options.entries_per_snapshot = 20;
        let way = crate::network::Way { network: crate::network::Network::new(1), from: 1 };
        let node = consensus::Consensus::start(options, crate::ledger::Ledger::default(), way).await;
        let node = std::sync::Arc::new(node.expect("started"));
        if run == 0 {
            node.bootstrap().await.expect("made");
        }
        node.wait_status(|status| status.is_leader).await;
        let proposals = (run * 50..(run + 1) * 50).map(|id| {
            let node = std::sync::Arc::clone(&node);
            tokio::spawn(async move { node.propose(id.to_le_bytes().to_vec(), SOON).await })
        });
        for proposal in proposals.collect::<Vec<_>>() {
            proposal.await.expect("no panic").expect("agreed");
        }
        let mut ids = node.read(|ledger| ledger.0.clone()).await.expect("reads");
        ids.sort_unstable();
        assert_eq!(ids, (0..(run + 1) * 50).collect::<Vec<u64>>());
        node.stop().await.expect("stopped");
    }
}

#[test]
fn times_that_do_not_fit_are_refused() {
    simulate(async {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = consensus::Options::new(1, "node-1", folder.path(), disk::HostDisk::shared());
        options.timing.heartbeat = Duration::from_secs(9);
        let way = crate::network::Way { network: crate::network::Network::new(1), from: 1 };
        let started = consensus::Consensus::start(options, crate::ledger::Ledger::default(), way).await;
        let error = started.map(|_| ()).expect_err("refused");
        assert!(matches!(error, StartError::Timing(_)), "{error}");
    });
}
