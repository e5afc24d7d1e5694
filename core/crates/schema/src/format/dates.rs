//! RFC 3339 and its appendix A.

use structgen_regex::Ast;

use crate::string::compile_full;
use structgen_regex::RegexSyntaxError;

const HOUR: &str = "(?:[01][0-9]|2[0-3])";
const SIXTY: &str = "[0-5][0-9]";
const FRACTION: &str = "(?:\\.[0-9]+)?";

/// `full-date`, without the year 0000, which calendars in use do not have.
pub(super) fn date() -> String {
    let year = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])";
    // Divisible by 4 and not by 100; or divisible by 400.
    let leap = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])\
                |(?:0[48]|[2468][048]|[13579][26])00)";
    let days = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])\
                |(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)\
                |02-(?:0[1-9]|1[0-9]|2[0-8]))";
    format!("(?:{year}-{days}|{leap}-02-29)")
}

/// `full-time` without leap seconds.
pub(super) fn plain_time() -> String {
    format!("{HOUR}:{SIXTY}:{SIXTY}{FRACTION}(?:[Zz]|[+-]{HOUR}:{SIXTY})")
}

/// `full-time`. A second 60 stands only where UTC reads 23:59:60.
pub(super) fn time() -> Result<Ast, RegexSyntaxError> {
    let plain = format!("(?:{}|23:59:60{FRACTION}[Zz])", plain_time());
    // East of Greenwich, 23:59 + hh:mm is (hh - 1):59 where mm is 00, and hh:(mm - 1) elsewhere.
    let whole =
        union((0..24).map(|hour| format!("{hour:02}:59:60{FRACTION}\\+{:02}:00", (hour + 1) % 24)));
    let east = meet(
        (0..24).map(|hour| format!("{hour:02}:{SIXTY}:60{FRACTION}\\+{hour:02}:{SIXTY}")),
        (0..59).map(|minute| format!("{HOUR}:{minute:02}:60{FRACTION}\\+{HOUR}:{:02}", minute + 1)),
    )?;
    // West of it, 23:59 - hh:mm never borrows.
    let west = meet(
        (0..24).map(|hour| format!("{hour:02}:{SIXTY}:60{FRACTION}-{:02}:{SIXTY}", 23 - hour)),
        (0..60).map(|minute| format!("{HOUR}:{minute:02}:60{FRACTION}-{HOUR}:{:02}", 59 - minute)),
    )?;
    Ok(Ast::any_of(vec![compile_full(&plain)?, compile_full(&whole)?, east, west]))
}

fn union(options: impl Iterator<Item = String>) -> String {
    format!("(?:{})", options.collect::<Vec<_>>().join("|"))
}

fn meet(
    one: impl Iterator<Item = String>,
    other: impl Iterator<Item = String>,
) -> Result<Ast, RegexSyntaxError> {
    Ok(Ast::And(vec![compile_full(&union(one))?, compile_full(&union(other))?]))
}

pub(super) fn date_time() -> Result<Ast, RegexSyntaxError> {
    let day = compile_full(&format!("{}[Tt]", date()))?;
    Ok(Ast::sequence(vec![day, time()?]))
}

/// RFC 3339 appendix A.
pub(super) fn duration() -> String {
    let second = "[0-9]+S";
    let minute = format!("[0-9]+M(?:{second})?");
    let hour = format!("[0-9]+H(?:{minute})?");
    let time = format!("T(?:{hour}|{minute}|{second})");
    let day = "[0-9]+D";
    let month = format!("[0-9]+M(?:{day})?");
    let year = format!("[0-9]+Y(?:{month})?");
    format!("P(?:(?:{day}|{month}|{year})(?:{time})?|{time}|[0-9]+W)")
}
