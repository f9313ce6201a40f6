//! Nodes on one host with nothing set.

use std::collections::BTreeSet;
use std::sync::Barrier;

use disk::HostDisk;

use super::{Host, cluster_of, settings_of};
use crate::{DiscoveryError, DiscoveryKind, Membership, Registry, RegistryError, Settings, Start, start};

#[test]
fn of_nodes_that_start_together_one_founds_and_all_others_join_it() {
    for round in 0..200 {
        let host = Host::new();
        let count = 2 + round % 4;
        let barrier = Barrier::new(count);
        let (starts, secrets): (Vec<Start>, BTreeSet<Vec<u8>>) = std::thread::scope(|scope| {
            let nodes: Vec<_> = (0..count)
                .map(|node| {
                    scope.spawn({
                        let (host, barrier) = (&host, &barrier);
                        move || {
                            barrier.wait();
                            let start = host.start(node).expect("started");
                            let registry = Registry::open(HostDisk::shared(), &host.registry(), "weir");
                            (start, registry.and_then(|registry| registry.secret()).expect("a secret"))
                        }
                    })
                })
                .collect();
            nodes.into_iter().map(|node| node.join().expect("no panic")).collect()
        });

        let founders = starts.iter().filter(|start| matches!(start, Start::Found { .. })).count();
        let clusters: BTreeSet<String> = starts.iter().map(cluster_of).collect();
        assert_eq!((founders, clusters.len()), (1, 1), "round {round}: {starts:?}");
        assert_eq!(secrets.len(), 1, "round {round}");
    }
}

#[test]
fn a_node_that_joins_is_told_where_the_others_are_and_after_that_it_knows() {
    let host = Host::new();
    let cluster = cluster_of(&host.start(0).expect("founded"));

    let Start::Join { cluster_uuid, addresses } = host.start(1).expect("joins") else {
        panic!("no join");
    };
    assert_eq!((cluster_uuid.as_deref(), addresses[0].as_str()), (Some(cluster.as_str()), "127.0.0.1:9300"));
    assert!(!addresses.contains(&"127.0.0.1:9301".to_owned()), "not itself");
    let mut membership = Membership::open(HostDisk::shared(), &host.path_data(1)).expect("opened");
    membership.join(&cluster).expect("joined");

    let known = host.start(1).expect("known");
    assert!(matches!(&known, Start::Known { is_founding: false, .. }), "{known:?}");
    let known = host.start(0).expect("known");
    let Start::Known { is_founding: true, addresses, .. } = &known else {
        panic!("{known:?}");
    };
    assert_eq!(addresses[0], "127.0.0.1:9301", "both are registered");
    let registry = Registry::open(HostDisk::shared(), &host.registry(), "weir").expect("opened");
    registry.withdraw(&host.path_data(1)).expect("withdrawn");
    assert_eq!(registry.addresses().expect("read"), ["127.0.0.1:9300"]);
}

/// The founder's data is gone: while another member has its own the cluster is there; after that a new one is founded.
#[test]
fn a_record_is_void_once_no_data_bears_it_out() {
    let host = Host::new();
    let first = cluster_of(&host.start(0).expect("founded"));
    host.start(1).expect("joins");
    let mut member = Membership::open(HostDisk::shared(), &host.path_data(1)).expect("opened");
    member.join(&first).expect("joined");
    host.start(1).expect("known");
    let registry = Registry::open(HostDisk::shared(), &host.registry(), "weir").expect("opened");
    registry.withdraw(&host.path_data(1)).expect("stopped");
    fs_err::remove_dir_all(host.path_data(0)).expect("removed");

    assert_eq!(
        cluster_of(&host.start(2).expect("joins")),
        first,
        "node 1 still has it, though it is stopped"
    );
    let again = host.start(0).expect("joins");
    assert!(matches!(&again, Start::Join { .. }) && cluster_of(&again) == first, "{again:?}");
    fs_err::remove_dir_all(host.path_data(1)).expect("removed");

    let second = host.start(2).expect("founds");
    assert!(matches!(&second, Start::Found { .. }) && cluster_of(&second) != first, "{second:?}");
}

/// The system emptied the folder: whoever knows its cluster puts the record back, and nobody else's record is replaced.
#[test]
fn a_record_that_is_lost_is_written_again_by_whoever_knows() {
    let host = Host::new();
    let first = cluster_of(&host.start(0).expect("founded"));
    fs_err::remove_dir_all(host.registry()).expect("removed");
    host.start(0).expect("known");
    assert_eq!(cluster_of(&host.start(1).expect("joins")), first);

    fs_err::remove_dir_all(host.registry()).expect("removed");
    let second = cluster_of(&host.start(2).expect("founds"));
    assert_ne!(second, first, "nobody was there to say that there is one");
    let registry = Registry::open(HostDisk::shared(), &host.registry(), "weir").expect("opened");
    let error = registry.register(&host.path_data(0), &first, "127.0.0.1:9300").expect_err("another");
    assert!(matches!(error, RegistryError::OtherCluster { .. }), "{error}");
    assert!(matches!(host.start(0), Ok(Start::Known { .. })), "its own data counts");
    assert_eq!(cluster_of(&host.start(3).expect("joins")), second);
}

#[test]
fn what_is_damaged_stops_the_start_of_new_nodes_with_the_remedy() {
    let host = Host::new();
    host.start(0).expect("founded");
    let record = host.registry().join("weir.json");
    let good = fs_err::read_to_string(&record).expect("read");
    for bad in ["", "{", "[]", &good.replace("\"version\": 1", "\"version\": 2"), &good[..good.len() / 2]] {
        fs_err::write(&record, bad).expect("written");
        let error = host.start(1).expect_err("damaged").to_string();
        assert!(error.contains("weir.json") && error.contains("remove the file"), "{bad}: {error}");
        assert!(matches!(host.start(0), Ok(Start::Known { .. })), "its own data says where it belongs");
    }
    fs_err::write(&record, good).expect("written");
    fs_err::write(host.registry().join("weir.secret"), "short").expect("written");
    assert!(host.start(1).expect_err("damaged").to_string().contains("weir.secret"));
}

#[test]
fn a_node_that_may_not_decide_waits_and_a_single_node_founds_alone() {
    let host = Host::new();
    let begin = |settings: &Settings| {
        fs_err::create_dir_all(&settings.path_data).expect("made");
        let registry = Registry::open(HostDisk::shared(), &host.registry(), "weir")?;
        let mut membership = Membership::open(HostDisk::shared(), &settings.path_data)?;
        start(settings, &mut membership, Some(&registry))
    };
    let data_only = Settings { is_master_eligible: false, ..settings_of(&host.path_data(0), 0) };
    let waits = begin(&data_only).expect("waits");
    assert!(matches!(waits, Start::Join { cluster_uuid: None, .. }), "{waits:?}");

    let single = Settings { kind: DiscoveryKind::SingleNode, ..settings_of(&host.path_data(1), 1) };
    let alone = cluster_of(&begin(&single).expect("founds"));
    let among_others = settings_of(&host.path_data(2), 2);
    let other = cluster_of(&begin(&among_others).expect("founds"));
    assert_ne!(alone, other, "a single node is nobody's");
    assert_eq!(cluster_of(&begin(&data_only).expect("joins")), other);

    let open = Settings { address: ([10, 0, 0, 1], 9300).into(), ..settings_of(&host.path_data(3), 3) };
    let error = begin(&open).expect_err("refused");
    assert!(
        matches!(&error, DiscoveryError::Settings(_)) && error.to_string().contains("discovery.seed_hosts")
    );
    let known = Settings { address: open.address, ..settings_of(&host.path_data(2), 2) };
    assert!(
        matches!(begin(&known), Ok(Start::Known { .. })),
        "settings are of no matter once a cluster is known"
    );
}
