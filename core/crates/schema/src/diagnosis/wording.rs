//! A contradiction in a sentence, with the values that clash.

use serde_json::Value;

use super::Member;
use super::conflict::{Blame, speaks_of};
use crate::error::shown;
use crate::uri::escape_segment;

/// Characters of a value that are shown.
const WIDTH: usize = 60;

/// Bounds of one thing from below and above.
const BOUNDS: &[(&[&str], &[&str])] = &[
    (&["minimum", "exclusiveMinimum"], &["maximum", "exclusiveMaximum"]),
    (&["minLength"], &["maxLength"]),
    (&["minItems"], &["maxItems"]),
    (&["minContains"], &["maxContains"]),
    (&["minProperties"], &["maxProperties"]),
];

/// Where no keywords were found: the places that were looked at.
pub(super) fn of_places(pointers: &[String]) -> String {
    let quoted: Vec<String> =
        pointers.iter().map(|pointer| format!("`{}`", shown(pointer))).collect();
    match quoted.as_slice() {
        [] => "its parts contradict each other".to_owned(),
        [one] => format!("{one} allows nothing"),
        many => format!("{} contradict each other", listed(many)),
    }
}

/// What `blamed` say, of the value that `members` lead to.
pub(super) fn of_conflict(schema: &Value, members: &[Member], blamed: &[Blame]) -> String {
    let own = required_name(schema, blamed).filter(|_| members.is_empty());
    let reason = clash(schema, own.is_some() || !members.is_empty(), blamed);
    match members {
        [] => match own {
            Some(name) => format!("required property `{name}` is unsatisfiable: {reason}"),
            None => reason,
        },
        [Member::Property(name)] => {
            format!("required property `{name}` is unsatisfiable: {reason}")
        }
        members => {
            let segment = |member: &Member| match member {
                Member::Property(name) => format!("/{}", escape_segment(name)),
                Member::Element(index) => format!("/{index}"),
            };
            let path: String = members.iter().map(segment).collect();
            format!("the required value at `{path}` of the document is unsatisfiable: {reason}")
        }
    }
}

/// The property in question, where a `required` and what is said of objects clash.
fn required_name<'v>(schema: &'v Value, blamed: &[Blame]) -> Option<&'v str> {
    let required = blamed.iter().find(|blame| blame.keyword == "required")?;
    let names = schema.pointer(&required.pointer)?.as_array()?;
    let entry = |name: &str| {
        let pointer = format!("{}/properties/{}", required.place, escape_segment(name));
        blamed.iter().any(|blame| blame.is_entry && blame.pointer == pointer)
    };
    let mut names = names.iter().filter_map(Value::as_str);
    match (names.clone().find(|name| entry(name)), names.next(), names.next()) {
        (Some(name), ..) => Some(name),
        (None, Some(only), None)
            if blamed.iter().all(|blame| speaks_of(&blame.keyword) == Some("object")) =>
        {
            let counts = ["minProperties", "maxProperties"];
            let counted = blamed.iter().any(|blame| counts.contains(&blame.keyword.as_str()));
            (!counted).then_some(only)
        }
        _ => None,
    }
}

/// `said`: the sentence has named the required property already.
fn clash(schema: &Value, said: bool, blamed: &[Blame]) -> String {
    // Of `required` and what is said of the property, the second tells more.
    let named = |blame: &&Blame| !(said && blame.keyword == "required" && blamed.len() == 2);
    let told: Vec<&Blame> = blamed.iter().filter(named).collect();
    let value = |blame: &Blame| schema.pointer(&blame.pointer);
    // One place is named once, at the end.
    let place = told.first().map_or("", |first| first.place.as_str());
    let together = told.iter().all(|blame| !blame.is_entry && blame.place == place);
    let at = |place: &str| {
        if place.is_empty() { String::new() } else { format!(" at `{place}`") }
    };
    let part = |blame: &Blame| {
        let value = value(blame).map_or(String::new(), |value| format!(" {}", short(value)));
        match &blame.keyword {
            _ if blame.is_entry => format!("`{}`{value}", blame.pointer),
            keyword if together => format!("`{keyword}`{value}"),
            keyword => format!("`{keyword}`{value}{}", at(&blame.place)),
        }
    };
    let suffix = if together { at(place) } else { String::new() };
    match told.as_slice() {
        [one] => match value(one) {
            Some(Value::Bool(false)) => format!("`{}` is `false`", one.pointer),
            _ => format!("{}{suffix} allows nothing", part(one)),
        },
        [one, other] => {
            let Some((low, high)) = bounds(one, other).or_else(|| bounds(other, one)) else {
                return format!("{} and {}{suffix} contradict each other", part(one), part(other));
            };
            let number = |blame: &Blame| value(blame).and_then(Value::as_f64);
            let crossed = matches!((number(low), number(high)), (Some(l), Some(h)) if l > h);
            if crossed {
                format!("{} is greater than {}{suffix}", part(low), part(high))
            } else {
                format!("nothing lies between {} and {}{suffix}", part(low), part(high))
            }
        }
        many => {
            let parts: Vec<String> = many.iter().map(|blame| part(blame)).collect();
            format!("{}{suffix} contradict each other", listed(&parts))
        }
    }
}

/// The two, if they bound the same thing from below and from above.
fn bounds<'b>(low: &'b Blame, high: &'b Blame) -> Option<(&'b Blame, &'b Blame)> {
    if low.is_entry || high.is_entry {
        return None;
    }
    let (lower, upper) = (low.keyword.as_str(), high.keyword.as_str());
    let pair =
        |(below, above): &(&[&str], &[&str])| below.contains(&lower) && above.contains(&upper);
    BOUNDS.iter().any(pair).then_some((low, high))
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= WIDTH {
        return text;
    }
    let cut: String = text.chars().take(WIDTH - 3).collect();
    format!("{cut}...")
}
