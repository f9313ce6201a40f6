//! Light stemmers for Hindi (Ramanathan and Rao, "A lightweight stemmer for Hindi", 2003) and Bengali (by Sengupta and Chaudhuri, and
//! the lists of Jacques Savoy): the longest ending goes where two letters or more stay.

use super::endings::{Endings, drop_ending};

const HINDI: [Endings; 5] = [
    (6, "ाएंगी ाएंगे ाऊंगी ाऊंगा ाइयाँ ाइयों ाइयां"),
    (5, "ाएगी ाएगा ाओगी ाओगे एंगी ेंगी एंगे ेंगे ूंगी ूंगा ातीं नाओं नाएं ताओं ताएं ियाँ ियों ियां"),
    (4, "ाकर ाइए ाईं ाया ेगी ेगा ोगी ोगे ाने ाना ाते ाती ाता तीं ाओं ाएं ुओं ुएं ुआं"),
    (3, "कर ाओ िए ाई ाए ने नी ना ते ीं ती ता ाँ ां ों ें"),
    (2, "ो े ू ु ी ि ा"),
];

pub(super) fn hindi(letters: &mut Vec<char>) {
    drop_ending(letters, &HINDI);
}

// A yya is one letter here, as the normalization of these scripts leaves it.
const BENGALI: [Endings; 8] = [
    (9, "িয়াছিলাম িতেছিলাম িতেছিলেন ইতেছিলেন িয়াছিলেন ইয়াছিলেন"),
    (8, "িতেছিলি িতেছিলে িয়াছিলা িয়াছিলে িতেছিলা িয়াছিলি য়েদেরকে"),
    (7, "িতেছিস িতেছেন িয়াছিস িয়াছেন েছিলাম েছিলেন েদেরকে"),
    (6, "িতেছি িতেছা িতেছে ছিলাম ছিলেন িয়াছি িয়াছা িয়াছে েছিলে েছিলা য়েদের দেরকে"),
    (5, "িলাম িলেন িতাম িতেন িবেন ছিলি ছিলে ছিলা তেছে িতেছ খানা খানি গুলো গুলি য়েরা েদের"),
    (
        4,
        "লাম িলি ইলি িলে ইলে লেন িলা ইলা তাম িতি ইতি িতে ইতে তেন িতা িবা ইবা িবি ইবি বেন িবে ইবে ছেন য়োন য়ের েরা দের",
    ),
    (3, "িস েন লি লে লা তি তে তা বি বে বা ছি ছা ছে ুন ুক টা টি নি ের রা কে"),
    (2, "ি ী া ো ে ব ত"),
];

pub(super) fn bengali(letters: &mut Vec<char>) {
    drop_ending(letters, &BENGALI);
}
