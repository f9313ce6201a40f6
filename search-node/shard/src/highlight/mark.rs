//! What was found between its tags.

use super::HighlightOptions;

/// A part of a text with what was found in it, each by where it begins and ends, in their order. What overlaps is one.
pub(super) fn marked(
    letters: &[char],
    (start, end): (usize, usize),
    found: &[(usize, usize)],
    options: &HighlightOptions,
) -> String {
    let mut shown = String::new();
    let mut at = start;
    for (from, to) in found {
        let (from, to) = (*from.max(&at), (*to).min(end));
        if to <= from {
            continue;
        }
        write(&letters[at..from], options.is_html, &mut shown);
        shown.push_str(&options.pre_tag);
        write(&letters[from..to], options.is_html, &mut shown);
        shown.push_str(&options.post_tag);
        at = to;
    }
    write(&letters[at..end.max(at)], options.is_html, &mut shown);
    shown
}

pub(super) fn write(letters: &[char], is_html: bool, to: &mut String) {
    for letter in letters {
        match letter {
            '"' if is_html => to.push_str("&quot;"),
            '&' if is_html => to.push_str("&amp;"),
            '<' if is_html => to.push_str("&lt;"),
            '>' if is_html => to.push_str("&gt;"),
            '\'' if is_html => to.push_str("&#x27;"),
            '/' if is_html => to.push_str("&#x2F;"),
            other => to.push(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_stand_around_what_was_found_and_html_is_written_as_such() {
        let letters: Vec<char> = "a <b> & c".chars().collect();
        let plain = HighlightOptions::default();
        assert_eq!(marked(&letters, (0, 9), &[(3, 4), (8, 9)], &plain), "a <<em>b</em>> & <em>c</em>");
        assert_eq!(marked(&letters, (0, 4), &[(0, 3), (2, 4)], &plain), "<em>a <</em><em>b</em>");
        let html = HighlightOptions { is_html: true, ..plain };
        assert_eq!(marked(&letters, (0, 9), &[(3, 4)], &html), "a &lt;<em>b</em>&gt; &amp; c");
    }
}
