//! The ways to write records that are tried.

use windrow::{Codec, Dictionary, DictionaryOption, Layout, WriterOptions};

const GROUP_SIZES: [u32; 5] = [1, 16, 64, 256, 1024];
/// Tried with all group sizes, and with pages.
const CODECS: [Codec; 3] = [Codec::Zstd { level: 3 }, Codec::Snappy, Codec::Uncompressed];
/// Slow to write: tried where it may pay.
const SMALL: Codec = Codec::Zstd { level: 9 };
const SMALL_GROUP_SIZES: [u32; 2] = [64, 1024];

/// A way to write records.
pub struct Candidate {
    /// The option string, for people and for commands.
    pub options: String,
    pub writer: WriterOptions,
}

/// All of them. `dictionary` stands for the one that `dictionary:auto` trains.
pub fn all(dictionary: Option<&Dictionary>) -> Vec<Candidate> {
    let groups = CODECS
        .iter()
        .flat_map(|&codec| GROUP_SIZES.map(|size| (codec, size)));
    let small = SMALL_GROUP_SIZES.map(|size| (SMALL, size));
    let groups = groups.chain(small).map(|(codec, size)| Candidate {
        options: format!("group_size:{size},{}", name(codec)),
        writer: WriterOptions::new().with_group_size(size).with_codec(codec),
    });
    let pages = |codec| {
        WriterOptions::new()
            .with_layout(Layout::Pages)
            .with_codec(codec)
    };
    let plain_pages = CODECS.iter().map(|&codec| Candidate {
        options: format!("layout:pages,{}", name(codec)),
        writer: pages(codec),
    });
    let with_dictionary = dictionary.into_iter().flat_map(|dictionary| {
        [CODECS[0], SMALL].map(|codec| Candidate {
            options: format!("layout:pages,{},dictionary:auto", name(codec)),
            writer: pages(codec).with_dictionary(DictionaryOption::Given(dictionary.clone())),
        })
    });
    groups.chain(plain_pages).chain(with_dictionary).collect()
}

fn name(codec: Codec) -> String {
    let name = codec.compression_type().name();
    match codec {
        Codec::Zstd { level } => format!("{name}:{level}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_strings_say_what_is_written() {
        let dictionary = Dictionary::new(vec![7; 300]).unwrap();
        let candidates = all(Some(&dictionary));
        assert_eq!(candidates.len(), 22);
        for Candidate { options, writer } in &candidates {
            let parsed: WriterOptions = options.parse().unwrap();
            let given = parsed.dictionary() != &DictionaryOption::Off;
            let parsed = parsed.with_dictionary(writer.dictionary().clone());
            assert_eq!(parsed, *writer, "{options}");
            assert_eq!(given, writer.dictionary() != &DictionaryOption::Off);
        }
        assert_eq!(all(None).len(), 20);
    }
}
