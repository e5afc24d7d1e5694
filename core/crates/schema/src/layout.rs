//! White space between lexemes.

use crate::options::Whitespace;

/// Where white space may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gap {
    /// After an opening bracket or brace that something follows.
    Open,
    /// Before a closing bracket or brace that something precedes.
    Close,
    BeforeComma,
    AfterComma,
    BeforeColon,
    AfterColon,
    /// Around the document.
    Outside,
}

impl Gap {
    /// Whether free white space may go on with `byte`: a line break at most once and first, no
    /// break between a key and its value, nothing before commas and colons.
    ///
    /// That is all that people and `json.dumps` write. More would only invite a model to put off
    /// what it has to say.
    fn takes(self, byte: u8, read: u32) -> bool {
        match self {
            Gap::Open | Gap::Close | Gap::AfterComma => {
                matches!(byte, b' ' | b'\t') || (byte == b'\n' && read == 0)
            }
            Gap::AfterColon => byte == b' ',
            Gap::BeforeComma | Gap::BeforeColon | Gap::Outside => false,
        }
    }
}

/// The white space of a document.
#[derive(Clone, Debug)]
pub(crate) enum Layout {
    /// As people write it, up to so many bytes at a gap.
    Free(u32),
    /// Whatever RFC 8259 allows, up to so many bytes at a gap.
    Any(u32),
    /// Exactly what is written here.
    Fixed(Fixed),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Fixed {
    /// Spaces per level, on lines of their own.
    indent: Option<usize>,
    before_comma: Vec<u8>,
    after_comma: Vec<u8>,
    before_colon: Vec<u8>,
    after_colon: Vec<u8>,
}

impl Layout {
    /// In the place of the bytes read of a gap: it has ended, before anything was read, or after
    /// some white space. More than any limit.
    pub(crate) const SHUT: u32 = u32::MAX;
    pub(crate) const SPACED: u32 = u32::MAX - 1;

    pub(crate) fn new(whitespace: &Whitespace) -> Self {
        match whitespace {
            Whitespace::Compact => Layout::Fixed(Fixed::default()),
            Whitespace::Flexible { max } => Layout::Free(*max),
            Whitespace::Any { max } => Layout::Any(*max),
            Whitespace::Indent { width } => Layout::Fixed(Fixed {
                indent: Some(*width as usize),
                after_colon: b" ".to_vec(),
                ..Fixed::default()
            }),
            Whitespace::Separators { item, key } => {
                let split = |text: &str, mark: char| -> (Vec<u8>, Vec<u8>) {
                    let (before, after) = text.split_once(mark).unwrap_or(("", ""));
                    (before.as_bytes().to_vec(), after.as_bytes().to_vec())
                };
                let (before_comma, after_comma) = split(item, ',');
                let (before_colon, after_colon) = split(key, ':');
                Layout::Fixed(Fixed {
                    indent: None,
                    before_comma,
                    after_comma,
                    before_colon,
                    after_colon,
                })
            }
        }
    }

    pub(crate) fn is_free(&self) -> bool {
        matches!(self, Layout::Free(_) | Layout::Any(_))
    }

    /// Whether white space that was begun after an element leads to the bracket alone.
    pub(crate) fn begun_to_close(&self, depth: u32) -> bool {
        match self {
            Layout::Free(_) => true,
            Layout::Any(_) => false,
            // Of two fixed gaps, the one that was begun is the one that is not empty.
            Layout::Fixed(_) => !self.text(Gap::Close, depth).is_empty(),
        }
    }

    /// The least that must be written at a gap inside `depth` containers.
    pub(crate) fn text(&self, gap: Gap, depth: u32) -> Vec<u8> {
        let Layout::Fixed(fixed) = self else { return Vec::new() };
        let line = |levels: u32| match fixed.indent {
            Some(width) => {
                let mut text = vec![b'\n'];
                text.resize(1 + width.saturating_mul(levels as usize), b' ');
                text
            }
            None => Vec::new(),
        };
        match gap {
            Gap::Open => line(depth),
            Gap::Close => line(depth.saturating_sub(1)),
            Gap::AfterComma if fixed.indent.is_some() => line(depth),
            Gap::AfterComma => fixed.after_comma.clone(),
            Gap::BeforeComma => fixed.before_comma.clone(),
            Gap::BeforeColon => fixed.before_colon.clone(),
            Gap::AfterColon => fixed.after_colon.clone(),
            Gap::Outside => Vec::new(),
        }
    }

    /// Whether `byte` may follow `read` bytes of the gap, as white space.
    pub(crate) fn continues(&self, gap: Gap, depth: u32, read: u32, byte: u8) -> bool {
        match self {
            Layout::Free(max) => read < *max && gap.takes(byte, read),
            Layout::Any(max) => read < *max && matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
            Layout::Fixed(_) => self.text(gap, depth).get(read as usize) == Some(&byte),
        }
    }

    /// Whether the gap may end after `read` bytes.
    pub(crate) fn complete(&self, gap: Gap, depth: u32, read: u32) -> bool {
        match self {
            // White space before a comma would be that before a bracket.
            Layout::Free(_) => gap != Gap::BeforeComma || read == 0 || read == Layout::SHUT,
            Layout::Any(_) => true,
            Layout::Fixed(_) => self.text(gap, depth).len() == read as usize,
        }
    }
}
