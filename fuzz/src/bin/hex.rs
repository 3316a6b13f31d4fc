//! Prints the file that an input stands for, in the form of `format-spec/vectors`. The arguments are the target,
//! one of those whose inputs are files, and the input's file.

use std::process::ExitCode;

use windrow_fuzz::{append_after_damage, open_any_bytes, recipe, recover_any_bytes};
use windrow_tests::hex_file::HexFile;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (target, path) = match arguments.as_slice() {
        [target, path] => (target.as_str(), path),
        _ => ("", &String::new()),
    };
    let expand: fn(&[u8]) -> Vec<u8> = match target {
        "open_any_bytes" => |input| open_any_bytes::expand(input).1,
        "mutate_valid_file" => |input| recipe::make(input).file,
        "recover_any_bytes" => |input| recover_any_bytes::expand(input).1,
        "append_after_damage" => append_after_damage::expand,
        _ => {
            eprintln!("usage: hex TARGET INPUT");
            return ExitCode::from(2);
        }
    };
    match std::fs::read(path) {
        Ok(input) => {
            print!("{}", HexFile::text_of(&expand(&input)));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hex: {path}: {error}");
            ExitCode::FAILURE
        }
    }
}
