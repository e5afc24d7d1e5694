//! Exact decimals: what the text of a JSON number means.

use std::cmp::Ordering;

use serde_json::Number;

/// `(-1)^negative * 0.d1 d2 d3 ... * 10^point`, with `d1` and the last digit not zero.
/// Zero has no digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Decimal {
    pub(crate) negative: bool,
    pub(crate) digits: Vec<u8>,
    pub(crate) point: i64,
}

/// The exponent is out of the range that can be handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

/// Beyond this magnitude the text of a bound would be megabytes of digits.
const MAX_POINT: i64 = 20_000;

impl Decimal {
    pub(crate) fn zero() -> Self {
        Decimal { negative: false, digits: Vec::new(), point: 0 }
    }

    pub(crate) fn parse(number: &Number) -> Result<Self, TooLarge> {
        Decimal::parse_text(&number.to_string())
    }

    /// Reads the text of a JSON number.
    pub(crate) fn parse_text(text: &str) -> Result<Self, TooLarge> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].trim_start_matches('+')),
            None => (text, "0"),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> =
            whole.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0')).collect();
        if digits.iter().any(|digit| *digit > 9) {
            return Err(TooLarge);
        }
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..leading);
        if digits.is_empty() {
            return Ok(Decimal::zero());
        }
        let exponent: i64 = exponent.parse().map_err(|_| TooLarge)?;
        let point = (whole.len() as i64 - leading as i64).checked_add(exponent).ok_or(TooLarge)?;
        if point.abs() > MAX_POINT || digits.len() as i64 > MAX_POINT {
            return Err(TooLarge);
        }
        Ok(Decimal { negative, digits, point })
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    pub(crate) fn abs(&self) -> Decimal {
        Decimal { negative: false, ..self.clone() }
    }

    pub(crate) fn is_integer(&self) -> bool {
        self.is_zero() || self.digits.len() as i64 <= self.point
    }

    /// The value, if it is a whole number that fits.
    pub(crate) fn to_u64(&self) -> Option<u64> {
        if self.is_zero() {
            return Some(0);
        }
        if self.negative || !self.is_integer() || self.point > 19 {
            return None;
        }
        let mut value = 0u64;
        for index in 0..self.point as usize {
            let digit = self.digits.get(index).copied().unwrap_or(0);
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        }
        Some(value)
    }

    /// The digits before the decimal point (`[0]` if there are none) and after it.
    pub(crate) fn plain_digits(&self) -> (Vec<u8>, Vec<u8>) {
        let mut whole = Vec::new();
        let mut fraction = Vec::new();
        if self.point > 0 {
            for index in 0..self.point as usize {
                whole.push(self.digits.get(index).copied().unwrap_or(0));
            }
            fraction.extend(self.digits.iter().skip(self.point as usize));
        } else {
            whole.push(0);
            if !self.is_zero() {
                fraction.resize((-self.point) as usize, 0);
                fraction.extend(&self.digits);
            }
        }
        (whole, fraction)
    }

    /// As an integer is written, or with a point, without an exponent.
    pub(crate) fn plain_text(&self) -> String {
        let (whole, fraction) = self.plain_digits();
        let mut text = String::with_capacity(whole.len() + fraction.len() + 2);
        text.extend(self.negative.then_some('-'));
        text.extend(whole.iter().map(|digit| char::from(b'0' + digit)));
        if !fraction.is_empty() {
            text.push('.');
            text.extend(fraction.iter().map(|digit| char::from(b'0' + digit)));
        }
        text
    }

    fn cmp_magnitude(&self, other: &Decimal) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => {
                self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }
}

impl std::fmt::Display for Decimal {
    /// A JSON number: the digits as an integer, and an exponent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        if self.negative {
            f.write_str("-")?;
        }
        for digit in &self.digits {
            write!(f, "{digit}")?;
        }
        match self.point - self.digits.len() as i64 {
            0 => Ok(()),
            exponent => write!(f, "e{exponent}"),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    fn read(text: &str) -> Decimal {
        Decimal::parse_text(text).expect("a small number")
    }

    #[test]
    fn reads_and_compares_exactly() {
        assert_eq!(read("1.50"), read("15e-1"));
        assert_eq!(read("-0.0"), Decimal::zero());
        assert_eq!(read("100"), read("1E+2"));
        assert!(read("0.1") < read("0.11") && read("-0.11") < read("-0.1"));
        assert!(read("9") < read("10") && read("0.09") < read("0.1"));
        assert_eq!(read("120").plain_digits(), (vec![1, 2, 0], vec![]));
        assert_eq!(read("0.012").plain_digits(), (vec![0], vec![0, 1, 2]));
        assert_eq!(read("1e3").to_u64(), Some(1000));
        assert_eq!(read("-12e-4").plain_text(), "-0.0012");
        assert_eq!(read("1.50e3").plain_text(), "1500");
        assert!(read("1.0").is_integer() && !read("1.5").is_integer());
        assert!(Decimal::parse_text("1e999999999999").is_err());
    }
}
