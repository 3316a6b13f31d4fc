//! temporary
use windrow::*;
use windrow_fuzz::*;
#[test]
fn probe() {
    let input = std::fs::read(std::env::var("PROBE").unwrap()).unwrap();
    let target = std::env::var("TARGET").unwrap_or("append_after_damage".into());
    let file = if target == "append_after_damage" {
        append_after_damage::expand(&input)
    } else {
        recover_any_bytes::expand(&input).1
    };
    let show = |name: &str, file: &[u8]| {
        println!("== {name} {} bytes", file.len());
        for s in scan_store(file.to_vec(), SourceName::MEMORY, &ReaderOptions::new()).unwrap() {
            match s.unwrap() {
                Scanned::Chunk(c) => println!(
                    "  chunk {:?} {:?} n={} decoded={} role={:?}",
                    c.bytes, c.header.chunk_type, c.header.num_records, c.header.decoded_bytes, c
                ),
                Scanned::Fault(f) => println!("  FAULT {:?} {}", f.bytes, f.error),
                _ => {}
            }
        }
        match recover_store(file.to_vec(), SourceName::MEMORY, &RecoverOptions::new()) {
            Ok(r) => {
                println!("recover: {:#?}", r.report);
                for i in 0..r.reader.num_chunks() {
                    println!("   {:?}", r.reader.chunk_location(i));
                }
                for (i, rec) in r.reader.records().enumerate().take(20) {
                    println!(
                        "   {i}: {:?}",
                        rec.map(|r| r
                            .iter()
                            .take(40)
                            .map(|b| std::ascii::escape_default(*b).to_string())
                            .collect::<String>())
                    );
                }
            }
            Err(e) => println!("recover: {e}"),
        }
        println!(
            "open: {:?}",
            Reader::from_bytes(file, ReaderOptions::new())
                .map(|r| r.len())
                .map_err(|e| e.to_string())
        );
        for c in [OnCorrupt::Raise, OnCorrupt::Skip] {
            let f = follow(file, &ReaderOptions::new().with_on_corrupt(c), &[]);
            println!(
                "tail {c:?}: {} records, sealed {}, error {:?}",
                f.records.len(),
                f.is_sealed,
                f.error
            );
            for (i, r) in f.records.iter().enumerate().take(20) {
                println!(
                    "   {i}: {}",
                    r.iter()
                        .take(40)
                        .map(|b| std::ascii::escape_default(*b).to_string())
                        .collect::<String>()
                );
            }
        }
    };
    show("file", &file);
    let mut kept = 0;
    let copy = input[0] & 8 != 0;
    match Writer::resume(
        file.clone(),
        SourceName::MEMORY,
        &AppendOptions::new().with_copy(copy),
        |k| {
            kept = usize::try_from(k).unwrap();
            Ok(Vec::new())
        },
    ) {
        Ok(mut w) => {
            println!("resumed: kept {kept} records {}", w.records());
            w.write(b"new 0").unwrap();
            let (more, s) = w.finish().unwrap();
            println!("{s:?}");
            show("grown", &[&file[..kept], &more].concat());
        }
        Err(e) => println!("refused: {e}"),
    }
}
