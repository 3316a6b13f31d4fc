//! A buffer that is written from its end: the machine gives records last byte first.

/// The bytes behind `base` of a vector, filled from the back. Grows with what is really written.
#[derive(Debug)]
pub(super) struct Backward<'a> {
    bytes: &'a mut Vec<u8>,
    base: usize,
    /// Where the written bytes begin.
    front: usize,
    /// The most bytes to be written.
    most: usize,
}

/// More bytes than were announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl<'a> Backward<'a> {
    /// Appends to `bytes`, at most `most` bytes. Memory for `guess` of them is taken at once.
    pub(super) fn new(bytes: &'a mut Vec<u8>, most: usize, guess: usize) -> Self {
        let base = bytes.len();
        bytes.resize(base.saturating_add(guess.min(most)), 0);
        let front = bytes.len();
        Self {
            bytes,
            base,
            front,
            most,
        }
    }

    /// Where the written bytes will begin in the end.
    pub(super) fn base(&self) -> usize {
        self.base
    }

    /// Bytes written so far.
    #[inline]
    pub(super) fn written(&self) -> usize {
        self.bytes.len().saturating_sub(self.front)
    }

    /// Bytes that may still be written.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.most.saturating_sub(self.written())
    }

    /// Puts the last `len` bytes of `word` in front, `len` being at most 16.
    #[inline]
    pub(super) fn put_word(&mut self, word: u128, len: u8) -> Result<(), Full> {
        let len = usize::from(len);
        let word = word.to_le_bytes();
        // All 16 bytes are stored, whatever `len` is: those in front of it are yet to be written.
        if let Some(start) = self.front.checked_sub(16)
            && start >= self.base
            && let Some(place) = self.bytes.get_mut(start..self.front)
        {
            place.copy_from_slice(&word);
            self.front = self.front.saturating_sub(len);
            return Ok(());
        }
        self.put_exactly(word.get(16_usize.saturating_sub(len)..).unwrap_or_default())
    }

    /// Puts `from..to` of `source` in front.
    #[inline]
    pub(super) fn put_range(&mut self, source: &[u8], from: usize, to: usize) -> Result<(), Full> {
        const SHORT: usize = 32;
        let len = to.saturating_sub(from);
        if len <= SHORT
            && let Some(start) = self.front.checked_sub(SHORT)
            && start >= self.base
            && let Some(place) = self.bytes.get_mut(start..self.front)
            && let Some(run) = to.checked_sub(SHORT).and_then(|from| source.get(from..to))
        {
            // A copy of fixed size, with whatever lies in front of the range.
            place.copy_from_slice(run);
            self.front = self.front.saturating_sub(len);
            return Ok(());
        }
        self.put_exactly(source.get(from..to).unwrap_or_default())
    }

    fn put_exactly(&mut self, run: &[u8]) -> Result<(), Full> {
        if self.front.saturating_sub(self.base) < run.len() {
            self.grow(run.len())?;
        }
        let start = self.front.saturating_sub(run.len());
        if let Some(place) = self.bytes.get_mut(start..self.front) {
            place.copy_from_slice(run);
        }
        self.front = start;
        Ok(())
    }

    #[cold]
    fn grow(&mut self, need: usize) -> Result<(), Full> {
        let written = self.written();
        if need > self.left() {
            return Err(Full);
        }
        let least = written.saturating_add(need);
        let size = least.saturating_mul(2).max(1 << 12).min(self.most);
        let old_front = self.front;
        self.bytes.resize(self.base.saturating_add(size), 0);
        let front = self.bytes.len().saturating_sub(written);
        let old_end = old_front.saturating_add(written);
        self.bytes.copy_within(old_front..old_end, front);
        self.front = front;
        Ok(())
    }

    /// Closes the gap in front of what was written, and leaves exactly that behind what was there before.
    pub(super) fn finish(self) {
        let written = self.written();
        if self.front > self.base {
            self.bytes.copy_within(self.front.., self.base);
        }
        self.bytes.truncate(self.base.saturating_add(written));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_runs_at_every_fill() {
        let source: Vec<u8> = (0..100).collect();
        for guess in [0, 1, 15, 16, 40, 1000, 10_000] {
            let mut bytes = b"before".to_vec();
            let mut out = Backward::new(&mut bytes, 10_000, guess);
            let mut expected: Vec<u8> = Vec::new();
            for step in 0_u8..200 {
                let len = step % 17;
                let word = u128::from_le_bytes(std::array::from_fn(|i| source[i]));
                out.put_word(word, len).unwrap();
                expected.splice(0..0, source[16 - usize::from(len)..16].iter().copied());
                let (from, to) = (usize::from(step % 9), usize::from(step % 80) + 9);
                out.put_range(&source, from, to).unwrap();
                expected.splice(0..0, source[from..to].iter().copied());
            }
            assert_eq!(out.written(), expected.len());
            out.finish();
            assert_eq!(bytes, [&b"before"[..], &expected].concat(), "{guess}");
        }
    }

    #[test]
    fn the_last_byte_fits_and_no_more() {
        for guess in [0, 3, 20] {
            let mut bytes = b"before".to_vec();
            let mut out = Backward::new(&mut bytes, 20, guess);
            out.put_range(&[7; 19], 0, 19).unwrap();
            assert_eq!(out.put_word(0, 2), Err(Full));
            assert_eq!(out.left(), 1);
            out.put_word(u128::from(9_u8) << 120, 1).unwrap();
            assert_eq!(out.put_word(0, 1), Err(Full));
            out.finish();
            assert_eq!(bytes, [&b"before"[..], &[9], &[7; 19]].concat());
        }
    }
}
