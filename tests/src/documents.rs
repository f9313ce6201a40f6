//! Generated access-log documents: the same ones for every run, with the skew of real logs.

use serde_json::{Value, json};

/// A generator of access-log documents of about 480 bytes, ascending in time.
pub struct AccessLog {
    state: u64,
    millis: i64,
    /// Between two documents, at least.
    step: i64,
}

const START: i64 = 1_790_000_000_000;
const STEP: i64 = 2_592;
const VERBS: [&str; 5] = ["GET", "GET", "GET", "POST", "HEAD"];
const COUNTRIES: [&str; 8] = ["US", "CN", "DE", "FR", "BR", "IN", "GB", "JP"];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
];
const SECTIONS: [&str; 6] = ["articles", "blog", "images", "downloads", "search", "products"];

/// The mapping that such documents deserve: words where one searches for words, wholes where one counts them.
pub fn access_log_mapping() -> Value {
    let text = json!({"type": "text"});
    let keyword = json!({"type": "keyword"});
    json!({"properties": {
        "@timestamp": {"type": "date"},
        "message": text,
        "agent": text,
        "request": {"type": "text", "fields": {"keyword": keyword}},
        "verb": keyword,
        "geo": {"properties": {"country": keyword}},
        "clientip": {"type": "ip"},
        "response": {"type": "long"},
        "bytes": {"type": "long"}
    }})
}

impl AccessLog {
    pub fn new(seed: u64) -> Self {
        Self::since(seed, START, STEP)
    }

    /// The same from another time on, in milliseconds, with another step from one document to the next.
    pub fn since(seed: u64, millis: i64, step: i64) -> Self {
        Self { state: seed | 1, millis, step }
    }

    /// The next number of a xorshift sequence.
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// A number below `bound`, small ones more often than large ones.
    fn skewed(&mut self, bound: u64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        ((unit * unit * unit) * bound as f64) as u64
    }

    /// The next document.
    pub fn document(&mut self) -> Value {
        self.millis += self.step + (self.next() % 3) as i64;
        let verb = VERBS[(self.next() % 5) as usize];
        let section = SECTIONS[self.skewed(6) as usize];
        let path = format!("/{section}/{}?page={}", self.skewed(500_000), self.skewed(40));
        let ip = format!(
            "{}.{}.{}.{}",
            10 + self.skewed(200),
            self.skewed(256),
            self.skewed(256),
            1 + self.skewed(250)
        );
        let agent = AGENTS[self.skewed(4) as usize];
        let response = [200, 200, 200, 304, 404, 500][(self.next() % 6) as usize];
        let bytes = 200 + self.skewed(200_000);
        json!({
            "@timestamp": self.millis,
            "message": format!("{ip} - - \"{verb} {path} HTTP/1.1\" {response} {bytes} \"{agent}\""),
            "clientip": ip,
            "verb": verb,
            "request": path,
            "response": response,
            "bytes": bytes,
            "agent": agent,
            "geo": {"country": COUNTRIES[self.skewed(8) as usize]}
        })
    }
}
