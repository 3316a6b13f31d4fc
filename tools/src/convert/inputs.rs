//! The inputs of a command, one after the other.

use std::path::{Path, PathBuf};

use clap::Args;

use super::format::Format;
use super::header::{Header, Metadata};
use super::source::Source;
use crate::error::CliError;
use crate::reading::ReadArgs;

/// How inputs are read.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Inputs")]
pub struct SourceArgs {
    /// Format of the inputs, where their names do not tell it
    #[arg(long, value_name = "FORMAT", value_enum)]
    from: Option<Format>,
    /// What the first row of CSV is
    #[arg(long, value_enum, default_value_t = Header::Keep)]
    header: Header,
    #[command(flatten)]
    read: ReadArgs,
}

/// How inputs become an output.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Inputs")]
pub struct InputArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Leave user metadata out of the output
    #[arg(long)]
    no_metadata: bool,
}

/// Inputs that were opened once, so that what is wrong with the last one is not found hours later. Pipes stay open; files
/// are opened again when their turn comes, for there may be many.
#[derive(Debug)]
pub struct Inputs<'a> {
    paths: &'a [PathBuf],
    formats: &'a [Format],
    args: InputArgs,
    held: Vec<Option<Source>>,
    /// What they have together.
    pub metadata: Metadata,
}

impl SourceArgs {
    /// The format of each of `paths`; `-` may be among them once.
    pub fn formats_of(self, paths: &[PathBuf]) -> Result<Vec<Format>, CliError> {
        let formats = paths
            .iter()
            .map(|path| format_of(path, self.from, "--from"));
        let formats = formats.collect::<Result<Vec<_>, _>>()?;
        if paths.iter().filter(|path| *path == Path::new("-")).count() > 1 {
            return Err(CliError::StdinTwice);
        }
        Ok(formats)
    }

    /// What the first row of CSV is.
    pub fn header(self) -> Header {
        self.header
    }

    fn open(self, path: &Path, format: Format) -> Result<Source, CliError> {
        Source::open(path, format, self.header, self.read.options())
    }

    /// Opens an input of which only parts are read, here and there.
    pub fn open_for_parts(self, path: &Path, format: Format) -> Result<Source, CliError> {
        let options = self.read.options().with_readahead_buffer_bytes(Some(0));
        Source::open(path, format, self.header, options)
    }
}

impl InputArgs {
    /// Whether user metadata go along.
    pub fn keeps_metadata(self) -> bool {
        !self.no_metadata
    }

    /// What the first row of CSV is.
    pub fn header(self) -> Header {
        self.source.header()
    }

    /// How array_record files are read.
    pub fn read(self) -> ReadArgs {
        self.source.read
    }

    /// See [`SourceArgs::formats_of`].
    pub fn formats_of(self, paths: &[PathBuf]) -> Result<Vec<Format>, CliError> {
        self.source.formats_of(paths)
    }
}

impl<'a> Inputs<'a> {
    pub fn open(
        paths: &'a [PathBuf],
        formats: &'a [Format],
        args: InputArgs,
    ) -> Result<Self, CliError> {
        let mut metadata = Metadata::default();
        let mut held = Vec::with_capacity(paths.len());
        for (path, format) in paths.iter().zip(formats) {
            let source = args.source.open(path, *format)?;
            if !args.no_metadata {
                metadata.merge(&source)?;
            }
            held.push((!source.can_reopen()).then_some(source));
        }
        if args.source.header != Header::Keep {
            metadata.remove_csv();
        }
        Ok(Self {
            paths,
            formats,
            args,
            held,
            metadata,
        })
    }

    /// Each input from its beginning.
    pub fn sources(self) -> impl Iterator<Item = Result<Source, CliError>> + 'a {
        let Self {
            paths,
            formats,
            args,
            held,
            ..
        } = self;
        let named = paths.iter().zip(formats);
        named.zip(held).map(move |((path, format), held)| {
            held.map_or_else(|| args.source.open(path, *format), Ok)
        })
    }
}

/// The format of `path`: `given`, or else what its name tells. `option` is what gives it.
pub fn format_of(
    path: &Path,
    given: Option<Format>,
    option: &'static str,
) -> Result<Format, CliError> {
    match given.or_else(|| Format::of_path(path)) {
        Some(Format::ArrayRecord | Format::Columns) if path == Path::new("-") => {
            Err(CliError::NoStream)
        }
        Some(format) => Ok(format),
        None => Err(CliError::NoFormat {
            path: path.to_path_buf(),
            option,
        }),
    }
}

/// Sum of the inputs' sizes, if all are files.
pub fn total_bytes(inputs: &[PathBuf]) -> Option<u64> {
    let sizes = inputs.iter().map(|path| {
        let metadata = path.metadata().ok()?;
        metadata.is_file().then_some(metadata.len())
    });
    sizes.sum()
}
