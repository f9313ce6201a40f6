//! Places of a text as clients count them.

/// Places of a text in the units that clients count in: those of UTF-16.
pub(crate) enum Units {
    /// As many as bytes.
    Ascii,
    /// Those before each byte.
    Counted(Vec<usize>),
}

impl Units {
    pub(crate) fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii;
        }
        let mut units = 0;
        let mut counted = Vec::with_capacity(text.len() + 1);
        for letter in text.chars() {
            counted.extend(std::iter::repeat_n(units, letter.len_utf8()));
            units += letter.len_utf16();
        }
        counted.push(units);
        Self::Counted(counted)
    }

    pub(crate) fn at(&self, byte: usize) -> usize {
        match self {
            Self::Ascii => byte,
            Self::Counted(counted) => counted.get(byte).or(counted.last()).copied().unwrap_or(byte),
        }
    }
}
