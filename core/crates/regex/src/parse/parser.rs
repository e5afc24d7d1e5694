use structgen_automaton::{Returned, pace};

use super::{
    CHARS_AT_ONCE, Dialect, Flags, ParseLimits, RegexErrorKind, RegexSyntaxError, fold, hints,
    tables,
};
use crate::{Ast, CharSet};

/// A recursive-descent parser for the ECMA and Python dialects.
pub(super) struct Parser<'a> {
    pub chars: &'a [char],
    pub at: usize,
    pub dialect: Dialect,
    pub flags: Flags,
    limits: ParseLimits,
    nesting: u32,
    pub groups: u32,
    names: Vec<String>,
    /// Where flags for the rest of a group stand behind something else, in this alternation.
    late_flags: Option<usize>,
}

pub(super) type Parsed<T> = Result<T, RegexSyntaxError>;

/// The greatest count that a quantifier may name.
const MAX_COUNT: u32 = u32::MAX - 1;

impl<'a> Parser<'a> {
    pub fn new(chars: &'a [char], dialect: Dialect, flags: Flags, limits: ParseLimits) -> Self {
        let groups = count_groups(chars);
        let names = Vec::new();
        Parser { chars, at: 0, dialect, flags, limits, nesting: 0, groups, names, late_flags: None }
    }

    pub fn pattern(mut self) -> Parsed<Ast> {
        self.leading_flags()?;
        let ast = self.alternation()?;
        if self.at < self.chars.len() {
            return Err(self.syntax("unmatched `)`", self.at));
        }
        Ok(ast)
    }

    pub fn syntax(&self, message: impl Into<String>, at: usize) -> RegexSyntaxError {
        RegexSyntaxError::new(RegexErrorKind::Syntax, message, self.chars, at)
    }

    pub fn unsupported(&self, feature: &'static str, at: usize) -> RegexSyntaxError {
        let message = format!("{feature} are not supported");
        let kind = RegexErrorKind::Unsupported { feature };
        let error = RegexSyntaxError::new(kind, message, self.chars, at);
        match feature {
            "possessive quantifiers" => error.with_hint(
                "leave the last `+` out: the language only grows by what giving back would match",
            ),
            "atomic groups" => error.with_hint(
                "write `(?:..)`: the language only grows by what giving back would match",
            ),
            "back-references" => error.with_hint(
                "write the group out again where it may differ, or list the texts it can be",
            ),
            "conditional groups" => error.with_hint("write both cases as alternatives"),
            "recursion" | "subroutine calls" => error.with_hint("use a grammar"),
            "named characters" => error.with_hint(r"write the code point, `\u00E9`"),
            _ => error,
        }
    }

    /// An error for what engines read in different ways.
    pub fn ambiguous(&self, what: &str, at: usize, hint: impl Into<Box<str>>) -> RegexSyntaxError {
        let message = format!("{what} means different things to different engines");
        self.syntax(message, at).with_hint(hint)
    }

    pub fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    pub fn eat_all(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    pub fn looking_at(&self, text: &str) -> bool {
        let mut rest = self.chars[self.at.min(self.chars.len())..].iter().copied();
        text.chars().all(|c| rest.next() == Some(c))
    }

    pub fn is_python(&self) -> bool {
        self.dialect == Dialect::Python
    }

    /// `(?i)` and the like before anything else: flags of the whole pattern.
    fn leading_flags(&mut self) -> Parsed<()> {
        loop {
            self.skip_verbose()?;
            let start = self.at;
            if !self.eat_all("(?") {
                return Ok(());
            }
            let letters = self.at;
            while self.peek().is_some_and(is_flag) {
                self.at += 1;
            }
            if self.at == letters || !self.eat(')') {
                self.at = start;
                return Ok(());
            }
            for i in letters..self.at - 1 {
                self.set_flag(i, true)?;
            }
        }
    }

    fn set_flag(&mut self, at: usize, on: bool) -> Parsed<()> {
        let python = self.is_python();
        match self.chars.get(at) {
            Some('i') => self.flags.ignore_case = on,
            Some('m') => self.flags.multi_line = on,
            Some('s') => self.flags.dot_all = on,
            Some('x') => self.flags.verbose = on,
            Some('a') if python && on => self.flags.ascii = true,
            Some('u') if python && on => self.flags.ascii = false,
            Some('L') if python => {
                return Err(self.syntax("the flag `L` is for bytes patterns only", at));
            }
            other => {
                let hint = hints::of_flag(other.copied().unwrap_or_default());
                return Err(self.syntax("unknown flag", at).with_hint(hint));
            }
        }
        Ok(())
    }

    /// `(?i)` and the like in the middle: flags for the rest of the group, to all engines that
    /// know them. Python and ECMA-262 do not, and where another alternative follows, engines
    /// differ in whether the flags hold there.
    fn flags_of_the_rest(&mut self, alone: bool) -> Parsed<bool> {
        let start = self.at;
        if self.dialect != Dialect::Ecma || !self.eat_all("(?") {
            return Ok(false);
        }
        let first = self.at;
        while self.peek().is_some_and(|c| is_flag(c) || c == '-') {
            self.at += 1;
        }
        let last = self.at;
        if last == first || !self.eat(')') {
            self.at = start;
            return Ok(false);
        }
        let mut on = true;
        for i in first..last {
            if self.chars[i] == '-' {
                on = false;
            } else {
                self.set_flag(i, on)?;
            }
        }
        if !alone {
            self.late_flags = Some(start);
        }
        Ok(true)
    }

    fn skip_verbose(&mut self) -> Parsed<()> {
        loop {
            if self.looking_at("(?#") {
                let start = self.at;
                match self.chars[self.at..].iter().position(|&c| c == ')') {
                    Some(length) => self.at += length + 1,
                    None => return Err(self.syntax("unterminated comment", start)),
                }
                continue;
            }
            if !self.flags.verbose {
                return Ok(());
            }
            match self.peek() {
                Some(' ' | '\t' | '\n' | '\r' | '\u{B}' | '\u{C}') => self.at += 1,
                Some('\u{85}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}')
                    if !self.is_python() =>
                {
                    let message = "white space beyond ASCII, with the flag `x`";
                    return Err(self.ambiguous(message, self.at, "escape it by its code point"));
                }
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn alternation(&mut self) -> Parsed<Ast> {
        let outer = self.late_flags.take();
        // What is given up may have millions of nodes.
        let mut options = Returned::new(vec![self.sequence()?]);
        while self.eat('|') {
            if let Some(at) = self.late_flags {
                let hint = "write `(?i:..)` around what the flags are for";
                return Err(self.ambiguous("flags before an alternative", at, hint));
            }
            options.push(self.sequence()?);
        }
        self.late_flags = outer;
        let mut options = options.into_inner();
        Ok(if options.len() == 1 { options.remove(0) } else { Ast::Alternate(options) })
    }

    fn sequence(&mut self) -> Parsed<Ast> {
        let mut items = Returned::new(Vec::new());
        loop {
            self.skip_verbose()?;
            match self.peek() {
                None | Some('|' | ')') => return Ok(Ast::sequence(items.into_inner())),
                Some(_) => {
                    pace(0).map_err(RegexSyntaxError::stopped)?;
                    if self.flags_of_the_rest(items.is_empty())? {
                        continue;
                    }
                    let start = self.at;
                    let atom = self.atom()?;
                    items.push(self.quantified(atom, start)?);
                }
            }
        }
    }

    fn quantified(&mut self, atom: Ast, start: usize) -> Parsed<Ast> {
        self.skip_verbose()?;
        let at = self.at;
        let Some((min, max)) = self.quantifier()? else { return Ok(atom) };
        // Assertions of one place have nothing to repeat; groups around them do.
        if self.chars[start] != '(' && atom.has_assertions() {
            return Err(self.syntax("nothing to repeat", at));
        }
        if let (Ast::Look { ahead: false, .. }, Dialect::Ecma) = (&atom, self.dialect) {
            if self.looks_at(start) {
                return Err(self.syntax("a look-behind cannot be repeated", at));
            }
        }
        if self.eat('?') {
            // Lazy: the language is the same.
        } else if self.peek() == Some('+') {
            return Err(self.unsupported("possessive quantifiers", self.at));
        }
        self.skip_verbose()?;
        let again = self.at;
        if matches!(self.peek(), Some('*' | '+' | '?')) || self.quantifier()?.is_some() {
            return Err(self.syntax("multiple repeat", again));
        }
        Ok(atom.repeat(min, max))
    }

    fn looks_at(&self, start: usize) -> bool {
        let head = &self.chars[start..(start + 4).min(self.chars.len())];
        matches!(head, ['(', '?', '=' | '!', ..] | ['(', '?', '<', '=' | '!'])
    }

    /// A quantifier, if one stands here. A brace that is none is left to be a character.
    fn quantifier(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        let start = self.at;
        match self.peek() {
            Some('*') => {
                self.at += 1;
                Ok(Some((0, None)))
            }
            Some('+') => {
                self.at += 1;
                Ok(Some((1, None)))
            }
            Some('?') => {
                self.at += 1;
                Ok(Some((0, Some(1))))
            }
            Some('{') => {
                self.at += 1;
                let min = self.count()?;
                let comma = self.eat(',');
                let max = if comma { self.count()? } else { min };
                let open = min.is_none() && (!self.is_python() || !comma);
                if open || !self.eat('}') {
                    self.at = start;
                    return Ok(None);
                }
                let min = min.unwrap_or(0);
                if max.is_some_and(|max| max < min) {
                    return Err(self.syntax("the maximum is less than the minimum", start));
                }
                Ok(Some((min, max)))
            }
            _ => Ok(None),
        }
    }

    fn count(&mut self) -> Parsed<Option<u32>> {
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            value = value.saturating_mul(10).saturating_add(digit.into());
            self.at += 1;
        }
        if self.at == start {
            return Ok(None);
        }
        match u32::try_from(value) {
            Ok(value) if value <= MAX_COUNT => Ok(Some(value)),
            _ => Err(RegexSyntaxError::new(
                RegexErrorKind::Limit { name: "max_count", limit: MAX_COUNT.into() },
                format!("a count is greater than {MAX_COUNT}"),
                self.chars,
                start,
            )),
        }
    }

    fn atom(&mut self) -> Parsed<Ast> {
        let start = self.at;
        let Some(c) = self.peek() else { return Ok(Ast::Epsilon) };
        self.at += 1;
        match c {
            '(' => self.group(start),
            '[' => {
                let set = self.class(start)?;
                Ok(Ast::Class(set))
            }
            '.' => Ok(Ast::Class(if self.flags.dot_all {
                CharSet::any()
            } else {
                tables::line_ends(self.dialect).complement()
            })),
            '^' => Ok(if self.flags.multi_line { self.line_start() } else { Ast::Start }),
            '$' => Ok(match (self.flags.multi_line, self.dialect) {
                (true, _) => self.line_end(),
                // Before the last line end, too.
                (false, Dialect::Python) => look(
                    Ast::Concat(vec![
                        Ast::Class(CharSet::single('\n')).repeat(0, Some(1)),
                        Ast::End,
                    ]),
                    true,
                    false,
                ),
                (false, _) => Ast::End,
            }),
            '\\' => self.escape(start),
            '*' | '+' | '?' => Err(self.syntax("nothing to repeat", start)),
            '{' => {
                self.at = start;
                if self.quantifier()?.is_some() {
                    return Err(self.syntax("nothing to repeat", start));
                }
                self.at = start + 1;
                if self.flags.verbose && !self.is_python() {
                    let message = "a brace that is no quantifier, with the flag `x`,";
                    return Err(self.ambiguous(message, start, r"write `\{` for the brace"));
                }
                Ok(self.character('{'))
            }
            c => Ok(self.character(c)),
        }
    }

    /// One literal character, folded if case is ignored.
    pub fn character(&self, c: char) -> Ast {
        Ast::Class(self.folded(CharSet::single(c)))
    }

    pub fn folded(&self, set: CharSet) -> CharSet {
        if self.flags.ignore_case {
            fold::fold_case(&set, self.dialect, self.flags.ascii && self.is_python())
        } else {
            set
        }
    }

    pub fn line_start(&self) -> Ast {
        let inside = tables::line_ends(self.dialect).complement();
        look(Ast::Class(inside), false, true)
    }

    pub fn line_end(&self) -> Ast {
        let inside = tables::line_ends(self.dialect).complement();
        look(Ast::Class(inside), true, true)
    }

    fn group(&mut self, start: usize) -> Parsed<Ast> {
        self.nesting += 1;
        if self.nesting > self.limits.max_nesting {
            let limit = u64::from(self.limits.max_nesting);
            return Err(RegexSyntaxError::new(
                RegexErrorKind::Limit { name: "max_nesting", limit },
                format!("groups are nested deeper than {limit}"),
                self.chars,
                start,
            ));
        }
        let outer = self.flags;
        let ast = self.group_body(start)?;
        if !self.eat(')') {
            return Err(self.syntax("missing `)`, unterminated group", start));
        }
        self.flags = outer;
        self.nesting -= 1;
        Ok(ast)
    }

    fn group_body(&mut self, start: usize) -> Parsed<Ast> {
        if !self.eat('?') {
            return self.alternation();
        }
        if self.eat(':') {
            return self.alternation();
        }
        for (opening, ahead, negate) in
            [("=", true, false), ("!", true, true), ("<=", false, false), ("<!", false, true)]
        {
            if self.eat_all(opening) {
                let inner = self.alternation()?;
                return Ok(look(inner, ahead, negate));
            }
        }
        if self.eat('>') {
            return Err(self.unsupported("atomic groups", start));
        }
        if self.eat('(') {
            return Err(self.unsupported("conditional groups", start));
        }
        if self.eat_all("P=") {
            return Err(self.unsupported("back-references", start));
        }
        if self.eat_all("P>") || self.peek() == Some('&') {
            return Err(self.unsupported("subroutine calls", start));
        }
        if matches!(self.peek(), Some('R' | '0'..='9')) {
            return Err(self.unsupported("recursion", start));
        }
        // `P` is Python's and Rust's, a bare `<` that of ECMA-262 and most others.
        if self.eat_all("P<") || self.eat('<') {
            self.group_name()?;
            return self.alternation();
        }
        // Flags for this group alone.
        let mut on = true;
        let first = self.at;
        while let Some(c) = self.peek() {
            match c {
                ':' if self.at > first => {
                    self.at += 1;
                    return self.alternation();
                }
                '-' if on => on = false,
                ')' if self.at > first => {
                    let message = "flags of the whole pattern must stand at its start";
                    let hint = "write `(?i:..)` around what the flags are for";
                    return Err(self.syntax(message, start).with_hint(hint));
                }
                c if is_flag(c) => self.set_flag(self.at, on)?,
                _ => break,
            }
            self.at += 1;
        }
        let hint = "known are `(?:..)`, `(?<name>..)`, `(?P<name>..)`, `(?i:..)`, `(?=..)`, \
                    `(?!..)`, `(?<=..)`, `(?<!..)`";
        Err(self.syntax("unknown kind of group", start).with_hint(hint))
    }

    fn group_name(&mut self) -> Parsed<()> {
        let start = self.at;
        while self.peek().is_some_and(|c| c != '>') {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        let mut chars = name.chars();
        let begins = |c: char| c.is_alphabetic() || c == '_' || (c == '$' && !self.is_python());
        let is_name = chars.next().is_some_and(begins)
            && chars
                .all(|c| begins(c) || c.is_alphanumeric() || matches!(c, '\u{200C}' | '\u{200D}'));
        if !self.eat('>') || !is_name {
            return Err(self.syntax("a group needs a name of letters, digits and `_`", start));
        }
        // ECMA-262 allows one name in different alternatives.
        if self.is_python() && self.names.contains(&name) {
            return Err(self.syntax(format!("the group name `{name}` is taken"), start));
        }
        self.names.push(name);
        Ok(())
    }
}

/// Whether some dialect has flags of that letter. `(?R)` is no flag but recursion.
fn is_flag(c: char) -> bool {
    c.is_ascii_lowercase() || matches!(c, 'L' | 'U')
}

pub(super) fn look(inner: Ast, ahead: bool, negate: bool) -> Ast {
    Ast::Look { inner: Box::new(inner), ahead, negate }
}

/// Capturing groups of the whole pattern: `\3` is a reference only where there are three.
fn count_groups(chars: &[char]) -> u32 {
    let (mut count, mut at, mut in_class) = (0, 0, false);
    while at < chars.len() {
        // Whoever reads the pattern is told next.
        if at % CHARS_AT_ONCE == 0 && pace(2).is_err() {
            break;
        }
        match chars[at] {
            '\\' => at += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                count += u32::from(match &chars[at + 1..] {
                    ['?', '<', '=' | '!', ..] => false,
                    ['?', '<', ..] | ['?', 'P', '<', ..] => true,
                    ['?', ..] => false,
                    _ => true,
                });
            }
            _ => {}
        }
        at += 1;
    }
    count
}
