//! Nodes that are listed, on hosts of their own.

use std::collections::{BTreeMap, BTreeSet};

use disk::HostDisk;
use testkit::Chance;

use super::{Host, settings_of};
use crate::{Membership, Promise, Settings, Start, Verdict, View, answer, start};

/// A node of a list, which may be stopped, started again, and lose its data.
struct Node {
    settings: Settings,
    membership: Option<Membership>,
}

impl Node {
    fn new(host: &Host, number: usize, name: &str, list: &[&str]) -> Self {
        let settings = Settings {
            node_name: name.to_owned(),
            initial_master_nodes: list.iter().map(|name| (*name).to_owned()).collect(),
            address: ([10, 0, 0, number as u8 + 1], 9300).into(),
            ..settings_of(&host.path_data(number), number)
        };
        Self { settings, membership: None }
    }

    /// Nodes of these names, all with the same list.
    fn all(host: &Host, names: &[&str], list: &[&str]) -> Vec<Self> {
        names.iter().enumerate().map(|(number, name)| Self::new(host, number, name, list)).collect()
    }

    fn run(&mut self) -> &mut Membership {
        fs_err::create_dir_all(&self.settings.path_data).expect("made");
        let path_data = &self.settings.path_data;
        self.membership
            .get_or_insert_with(|| Membership::open(HostDisk::shared(), path_data).expect("opened"))
    }

    fn stop(&mut self) {
        self.membership = None;
    }

    fn wipe(&mut self) {
        self.stop();
        let _none_yet = fs_err::remove_dir_all(&self.settings.path_data);
    }

    fn start(&mut self) -> Start {
        let settings = self.settings.clone();
        start(&settings, self.run(), None).expect("started")
    }
}

/// The founder's turn, with those that it reaches: what it does in the end.
fn turn(nodes: &mut [Node], founder: usize, reached: &[usize]) -> Option<Verdict> {
    let founding = match nodes[founder].start() {
        Start::FoundTogether(founding) => founding,
        _ => return None,
    };
    let mut verdict = None;
    for is_binding in [false, true] {
        let question = founding.question(is_binding).expect("a question");
        let views: Vec<View> = reached
            .iter()
            .map(|node| {
                let settings = nodes[*node].settings.clone();
                let said = answer(&settings, nodes[*node].run(), &question).expect("answered");
                View::read(&said).expect("an answer")
            })
            .collect();
        let next = founding.decide(&views);
        let goes_on = next == Verdict::AskBindingly;
        verdict = Some(next);
        if !goes_on {
            break;
        }
    }
    match &verdict {
        Some(Verdict::Found) => drop(founding.found(nodes[founder].run()).expect("founded")),
        Some(Verdict::Join { cluster_uuid }) => nodes[founder].run().join(cluster_uuid).expect("joined"),
        _ => {}
    }
    verdict
}

#[test]
fn the_first_of_the_list_founds_once_all_are_there_and_agree() {
    let host = Host::new();
    let list = ["a", "b", "c"];
    let mut nodes = Node::all(&host, &list, &list);
    for other in [1, 2] {
        let start = nodes[other].start();
        assert!(matches!(start, Start::Join { cluster_uuid: None, .. }), "{start:?}");
    }

    let Some(Verdict::Wait(waits)) = turn(&mut nodes, 0, &[1]) else {
        panic!("it did not wait");
    };
    assert!(waits.len() == 1 && waits[0].contains("[c]"), "{waits:?}");
    assert_eq!(nodes[1].run().promise(), None, "nobody is bound before all are there");
    nodes[2].settings.initial_master_nodes.pop();
    let Some(Verdict::Wait(waits)) = turn(&mut nodes, 0, &[1, 2]) else {
        panic!("it did not wait");
    };
    assert!(waits[0].contains("the same list"), "{waits:?}");
    nodes[2].settings.initial_master_nodes.push("c".to_owned());

    assert_eq!(turn(&mut nodes, 0, &[0, 1, 2]), Some(Verdict::Found));

    let cluster = nodes[0].run().cluster_uuid().expect("founded").to_owned();
    for other in [1, 2] {
        nodes[other].stop();
        let start = nodes[other].start();
        assert!(
            matches!(&start, Start::Join { cluster_uuid: Some(uuid), .. } if *uuid == cluster),
            "{start:?}"
        );
        nodes[other].run().join(&cluster).expect("joined");
    }
    // A founder that lost its data joins what the others know.
    nodes[0].wipe();
    assert!(matches!(turn(&mut nodes, 0, &[]), Some(Verdict::Wait(_))), "it is alone");
    assert_eq!(turn(&mut nodes, 0, &[1]), Some(Verdict::Join { cluster_uuid: cluster.clone() }));
    assert!(matches!(nodes[0].start(), Start::Known { is_founding: false, .. }));
}

#[test]
fn two_nodes_of_one_name_are_refused_and_never_found_two() {
    let host = Host::new();
    let list = ["a", "b", "c"];
    let mut nodes = Node::all(&host, &["a", "a", "b", "c"], &list);

    let Some(Verdict::Refuse(reason)) = turn(&mut nodes, 0, &[1, 2, 3]) else {
        panic!("not refused");
    };
    assert!(reason.contains("two nodes are named [a]"), "{reason}");
    // They do not see one another.
    assert_eq!(turn(&mut nodes, 0, &[2, 3]), Some(Verdict::Found));
    let Some(Verdict::Refuse(reason)) = turn(&mut nodes, 1, &[2, 3]) else {
        panic!("not refused");
    };
    assert!(reason.contains("has promised itself"), "{reason}");
}

/// Bound by its word, a node gives it where it may, whatever it was shown before.
#[test]
fn a_promise_is_given_once_and_only_to_the_first_of_the_same_list() {
    let asked = |name: &str, list: &[&str], prepare: &dyn Fn(&mut Node)| {
        let host = Host::new();
        let mut founder = Node::new(&host, 0, "a", &["a", "b"]);
        let Start::FoundTogether(founding) = founder.start() else {
            panic!("it does not found");
        };
        let question = founding.question(true).expect("a question");
        let mut node = Node::new(&host, 1, name, list);
        prepare(&mut node);
        let before = node.run().promise().cloned();
        let settings = node.settings.clone();
        let said = answer(&settings, node.run(), &question).expect("answered");
        let view = View::read(&said).expect("an answer");
        node.stop();
        assert_eq!(view.promise.as_ref(), node.run().promise(), "what is said is durable");
        (view.promise != before, founding.decide(&[view]))
    };
    let nothing = |_: &mut Node| {};
    let promised = |node: &mut Node| {
        node.run().give(Promise { founder: 7, cluster_uuid: "other".to_owned() }).expect("given");
    };

    assert_eq!(asked("b", &["b", "a"], &nothing), (true, Verdict::Found));
    for (name, list, prepare) in [
        ("b", &["a", "b", "c"][..], &nothing as &dyn Fn(&mut Node)),
        ("b", &[], &nothing),
        ("b", &["b"], &nothing),
        ("a", &["a", "b"], &nothing),
        ("b", &["a", "b"], &promised),
        ("b", &["a", "b"], &|node| node.run().join("one").expect("joined")),
    ] {
        let (is_new, verdict) = asked(name, list, prepare);
        assert!(!is_new && verdict != Verdict::Found, "{name} {list:?}: {verdict:?}");
    }
}

#[test]
fn seeds_of_two_clusters_and_foreign_words_are_refused() {
    let host = Host::new();
    let list = ["a", "b", "c"];
    let mut nodes = Node::all(&host, &list, &list);
    nodes[1].run().join("one").expect("joined");
    nodes[2].run().join("two").expect("joined");
    let Some(Verdict::Refuse(reason)) = turn(&mut nodes, 0, &[1, 2]) else {
        panic!("not refused");
    };
    assert!(reason.contains("2 clusters"), "{reason}");

    let settings = nodes[1].settings.clone();
    let good = match nodes[0].start() {
        Start::FoundTogether(founding) => founding.question(true).expect("a question"),
        other => panic!("{other:?}"),
    };
    for length in 0..good.len() {
        assert!(answer(&settings, nodes[1].run(), &good[..length]).is_err(), "cut at {length}");
    }
    let mut newer = good;
    newer[0] = 2;
    let error = answer(&settings, nodes[1].run(), &newer).expect_err("refused").to_string();
    assert!(error.contains("the same version"), "{error}");
}

/// Seeded chance plays nodes of three lists that reach one another or not, stop, and lose promises that were never told: as
/// long as a majority keeps its data there is never a second cluster.
#[test]
fn whatever_the_order_there_are_never_two_clusters() {
    for seed in 0..150u64 {
        let host = Host::new();
        let list = ["a", "b", "c"];
        // Two bear the first name by mistake.
        let mut nodes = Node::all(&host, &["a", "a", "b", "c"], &list);
        let mut chance = Chance::new(seed);
        let mut founded: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for _ in 0..12 {
            match chance.below(8) {
                0 => nodes[chance.below(4)].stop(),
                // Only those that may found lose their data: a list whose others do is another list.
                1 => nodes[chance.below(2)].wipe(),
                _ => {
                    let founder = chance.below(2);
                    let reached: Vec<usize> = (0..4).filter(|_| !chance.one_in(4)).collect();
                    turn(&mut nodes, founder, &reached);
                }
            }
            for (number, node) in nodes.iter_mut().enumerate() {
                if let Some(uuid) = node.run().cluster_uuid() {
                    founded.entry(number).or_default().insert(uuid.to_owned());
                }
            }
        }
        let clusters: BTreeSet<&String> = founded.values().flatten().collect();
        assert!(clusters.len() <= 1, "seed {seed}: {founded:?}");
    }
}
