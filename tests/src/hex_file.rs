//! Files as text: the size, and the bytes that are not zero. `format-spec/vectors/README.md` describes the form.

use std::fmt::Write;

/// Bytes of a file on one line.
const LINE_BYTES: usize = 32;

/// A file read from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HexFile {
    /// The bytes, zeros included.
    pub bytes: Vec<u8>,
    /// What a reader returns, where the text says so.
    pub records: Option<Vec<Vec<u8>>>,
    /// The columns of the table that it holds, where the text says so.
    pub columns: Option<Vec<ColumnText>>,
}

/// One column: its name, its type, and its values as JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct ColumnText(pub String, pub String, pub Vec<serde_json::Value>);

impl HexFile {
    /// Reads the text form.
    ///
    /// # Errors
    /// The first line that breaks a rule, and how.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.ends_with('\n') || text.contains('\r') {
            return Err("lines must end in a line feed".to_owned());
        }
        let mut lines = text.lines().enumerate().peekable();
        let (_, first) = lines.next().ok_or("no line")?;
        let size = first.strip_prefix("bytes: ");
        let size: usize = size
            .and_then(|size| size.parse().ok())
            .ok_or_else(|| format!("line 1: not a size: {first}"))?;
        let mut records = None;
        if let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with("records: ")) {
            let list: Vec<String> =
                serde_json::from_str(&line["records: ".len()..]).map_err(|e| e.to_string())?;
            records = Some(list.into_iter().map(String::into_bytes).collect());
        }
        let mut columns = None;
        if let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with("columns: ")) {
            let list = serde_json::from_str(&line["columns: ".len()..]);
            columns = Some(list.map_err(|e| e.to_string())?);
        }
        let mut bytes = vec![0; size];
        let mut behind = 0;
        for (number, line) in lines {
            let error = |what: &str| format!("line {}: {what}: {line}", number + 1);
            let (offset, run) = parse_line(line).ok_or_else(|| error("not an offset and bytes"))?;
            if offset < behind {
                return Err(error("offsets do not ascend"));
            }
            behind = offset.saturating_add(run.len());
            bytes
                .get_mut(offset..behind)
                .ok_or_else(|| error("behind the end"))?
                .copy_from_slice(&run);
        }
        Ok(Self {
            bytes,
            records,
            columns,
        })
    }

    /// The text form of `bytes`, without comments.
    #[must_use]
    pub fn text_of(bytes: &[u8]) -> String {
        let mut text = format!("bytes: {}\n", bytes.len());
        for (number, line) in bytes.chunks(LINE_BYTES).enumerate() {
            let Some(first) = line.iter().position(|byte| *byte != 0) else {
                continue;
            };
            let behind = line.iter().rposition(|byte| *byte != 0).unwrap_or(first) + 1;
            // Writing to a string cannot fail.
            let _ = write!(text, "{:x}:", number * LINE_BYTES + first);
            for byte in &line[first..behind] {
                let _ = write!(text, " {byte:02x}");
            }
            text.push('\n');
        }
        text
    }
}

/// `40: 11 3d # words` as an offset and bytes.
fn parse_line(line: &str) -> Option<(usize, Vec<u8>)> {
    let (offset, rest) = line.split_once(": ")?;
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex(offset) {
        return None;
    }
    let offset = usize::from_str_radix(offset, 16).ok()?;
    let mut run = Vec::new();
    for byte in rest.split('#').next()?.trim_end_matches(' ').split(' ') {
        if byte.len() != 2 || !is_hex(byte) {
            return None;
        }
        run.push(u8::from_str_radix(byte, 16).ok()?);
    }
    Some((offset, run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let mut bytes = vec![0; 1000];
        bytes[0] = 1;
        bytes[31] = 2;
        bytes[700] = 255;
        let text = HexFile::text_of(&bytes);
        assert_eq!(text.lines().count(), 3);
        assert_eq!(HexFile::parse(&text).unwrap().bytes, bytes);
    }

    #[test]
    fn comments_and_records() {
        let file =
            HexFile::parse("bytes: 3\nrecords: [\"a\", \"\"]\n1: 0a ff # two bytes\n").unwrap();
        assert_eq!(file.bytes, [0, 10, 255]);
        assert_eq!(file.records.unwrap(), [b"a".to_vec(), vec![]]);
    }

    #[test]
    fn columns() {
        let text = "bytes: 3\ncolumns: [[\"n\", \"Int32\", [1, null]]]\n1: 0a\n";
        let file = HexFile::parse(text).unwrap();
        let [ColumnText(name, kind, values)] = &file.columns.unwrap()[..] else {
            panic!("one column");
        };
        assert_eq!((name.as_str(), kind.as_str()), ("n", "Int32"));
        assert_eq!(values, &[1.into(), serde_json::Value::Null]);
        assert_eq!((file.bytes, file.records), (vec![0, 10, 0], None));
    }

    #[test]
    fn broken_rules() {
        for text in [
            "",
            "bytes: 3",
            "bytes: x\n",
            "bytes: 3\ncolumns: [[\"n\", [1]]]\n",
            "bytes: 3\n0: 1\n",
            "bytes: 3\n0: AB\n",
            "bytes: 3\n3: 01\n",
            "bytes: 3\n1: 01\n0: 01\n",
            "bytes: 3\n0: 01 02\n1: 01\n",
        ] {
            assert!(HexFile::parse(text).is_err(), "{text:?}");
        }
    }
}
