//! RFC 3986, RFC 3987 and RFC 6570.

use super::hosts::ipv6;

pub(super) const ASCII: Alphabet = Alphabet { unreserved: UNRESERVED, private: "" };
pub(super) const WIDE: Alphabet = Alphabet { unreserved: WIDE_UNRESERVED, private: PRIVATE };

const UNRESERVED: &str = "A-Za-z0-9._~-";
const WIDE_UNRESERVED: &str = "A-Za-z0-9._~\\u00a0-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\uffef\
    \\u{10000}-\\u{1fffd}\\u{20000}-\\u{2fffd}\\u{30000}-\\u{3fffd}\\u{40000}-\\u{4fffd}\
    \\u{50000}-\\u{5fffd}\\u{60000}-\\u{6fffd}\\u{70000}-\\u{7fffd}\\u{80000}-\\u{8fffd}\
    \\u{90000}-\\u{9fffd}\\u{a0000}-\\u{afffd}\\u{b0000}-\\u{bfffd}\\u{c0000}-\\u{cfffd}\
    \\u{d0000}-\\u{dfffd}\\u{e1000}-\\u{efffd}-";
const PRIVATE: &str = "\\ue000-\\uf8ff\\u{f0000}-\\u{ffffd}\\u{100000}-\\u{10fffd}";
const SUB_DELIMITERS: &str = "!$&'()*+,;=";

/// RFC 3986, and RFC 3987 with a wider alphabet.
pub(super) struct Alphabet {
    unreserved: &'static str,
    private: &'static str,
}

impl Alphabet {
    fn characters(&self, more: &str) -> String {
        format!("(?:[{SUB_DELIMITERS}{more}{}]|%[0-9A-Fa-f]{{2}})", self.unreserved)
    }

    fn path_character(&self) -> String {
        self.characters(":@")
    }

    fn authority(&self) -> String {
        let user = self.characters(":");
        let name = self.characters("");
        let future = format!("[vV][0-9A-Fa-f]+\\.[{UNRESERVED_FIRST}{SUB_DELIMITERS}:-]+");
        let literal = format!("\\[(?:{}|{future})\\]", ipv6());
        format!("(?:{user}*@)?(?:{literal}|{name}*)(?::[0-9]*)?")
    }

    fn tail(&self) -> String {
        let fragment = self.characters(":@/?");
        let query = if self.private.is_empty() {
            fragment.clone()
        } else {
            format!("(?:{fragment}|[{}])", self.private)
        };
        format!("(?:\\?{query}*)?(?:#{fragment}*)?")
    }

    pub(super) fn uri(&self) -> String {
        let character = self.path_character();
        let scheme = "[A-Za-z][A-Za-z0-9+.-]*";
        let hierarchy = format!(
            "(?://{}(?:/{character}*)*|/(?:{character}+(?:/{character}*)*)?\
             |{character}+(?:/{character}*)*|)",
            self.authority()
        );
        format!("{scheme}:{hierarchy}{}", self.tail())
    }

    pub(super) fn reference(&self) -> String {
        format!("(?:{}|{})", self.uri(), self.relative())
    }

    fn relative(&self) -> String {
        let character = self.path_character();
        let no_colon = self.characters("@");
        let part = format!(
            "(?://{}(?:/{character}*)*|/(?:{character}+(?:/{character}*)*)?\
             |{no_colon}+(?:/{character}*)*|)",
            self.authority()
        );
        format!("{part}{}", self.tail())
    }
}

const UNRESERVED_FIRST: &str = "A-Za-z0-9._~";

/// RFC 6570, levels 1 to 4.
pub(super) fn uri_template() -> String {
    let name = "(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})";
    let variable = format!("{name}+(?:\\.{name}+)*(?:\\*|:[1-9][0-9]{{0,3}})?");
    let expression = format!("\\{{[+#./;?&]?{variable}(?:,{variable})*\\}}");
    let literal = "(?:[!#$&-;=?-\\[\\]_a-z~\\u00a0-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\uffef\\u{10000}-\\u{1fffd}]\
                   |%[0-9A-Fa-f]{2})";
    format!("(?:{literal}|{expression})*")
}
