//! Figures against /proc as text, and within what is possible.

use fs_err as fs;

use super::*;

fn sampled(set: Metricset) -> Vec<Value> {
    set.sample(&mut Sample::default()).expect("this host has figures")
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is no number in {value}"))
}

#[test]
fn memory_is_what_proc_says() {
    let text = fs::read_to_string("/proc/meminfo").expect("there");
    let line = text.lines().find(|line| line.starts_with("MemTotal:")).expect("a line");
    let kib: f64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");

    let memory = &sampled(Metricset::Memory)[0];

    assert_eq!(number(memory, "/system/memory/total"), kib * 1024.0);
    for path in ["/system/memory/used/pct", "/system/memory/actual/used/pct", "/system/memory/swap/used/pct"]
    {
        assert!((0.0..=1.0).contains(&number(memory, path)), "{path}");
    }
    assert!(number(memory, "/system/memory/actual/free") <= kib * 1024.0);
}

#[test]
fn processor_shares_add_up() {
    let text = fs::read_to_string("/proc/stat").expect("there");
    let online = text.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
    let mut last = Sample::default();

    for _ in 0..2 {
        let cpu = Metricset::Cpu.sample(&mut last).expect("figures").remove(0);

        assert_eq!(number(&cpu, "/system/cpu/cores"), online as f64);
        let states = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
        let sum: f64 =
            states.iter().map(|state| number(&cpu, &format!("/system/cpu/{state}/norm/pct"))).sum();
        assert!(sum < 1.001 && (sum > 0.99 || sum == 0.0), "{cpu}");
    }
}

#[test]
fn every_interface_of_proc_is_there() {
    let text = fs::read_to_string("/proc/net/dev").expect("there");
    let mut names: Vec<&str> =
        text.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim).collect();
    names.sort_unstable();

    let events = sampled(Metricset::Network);

    let found: Vec<&str> =
        events.iter().filter_map(|e| e.pointer("/system/network/name")?.as_str()).collect();
    assert_eq!(found, names);
    assert!(events.iter().all(|event| number(event, "/system/network/in/bytes") >= 0.0));
}

#[test]
fn the_root_file_system_has_room() {
    let events = sampled(Metricset::Filesystem);

    let root = events
        .iter()
        .find(|e| e.pointer("/system/filesystem/mount_point").is_some_and(|m| m == "/"))
        .expect("a root");
    assert!(number(root, "/system/filesystem/total") > 0.0);
    assert!((0.0..=1.0).contains(&number(root, "/system/filesystem/used/pct")), "{root}");
    let all = &sampled(Metricset::Fsstat)[0];
    assert!(number(all, "/system/fsstat/total_size/total") >= number(root, "/system/filesystem/total"));
}

#[test]
fn processes_load_and_uptime_are_those_of_this_host() {
    let listed = fs::read_dir("/proc").expect("there").filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok())
    });
    let listed = listed.count() as f64;

    let total = number(&sampled(Metricset::ProcessSummary)[0], "/system/process/summary/total");

    assert!((total - listed).abs() <= 50.0, "{total} against {listed}");
    assert!(number(&sampled(Metricset::Load)[0], "/system/load/1") >= 0.0);
    assert!(number(&sampled(Metricset::Uptime)[0], "/system/uptime/duration/ms") > 0.0);
}
