//! Which fields of a message a reader wants.

use std::fmt;
use std::str::FromStr;

/// The highest field number that a protocol buffer can have.
pub const MAX_FIELD_NUMBER: u32 = (1 << 29) - 1;

/// The most field numbers in a path.
pub const MAX_FIELD_PATH: usize = 100;

/// Why numbers or text are no [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the fields are named and the messages explain them"
)]
pub enum FieldPathError {
    #[error("field number {number} is outside 1..={MAX_FIELD_NUMBER}")]
    Number { number: u32 },
    #[error("a field path of {numbers} numbers, at most {MAX_FIELD_PATH} are possible")]
    Long { numbers: usize },
    #[error(
        "field path {path:?} is not a list of numbers with dots between them: {part:?} is no number of 1..={MAX_FIELD_NUMBER}"
    )]
    Text { path: String, part: String },
}

/// The field numbers that lead from a record to one of its fields, such as `3.1`: field 1 of the message in field 3.
/// Each is within 1..=[`MAX_FIELD_NUMBER`]. The empty path, which is the default, is the whole record.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<u32>);

impl FieldPath {
    /// The path of these field numbers, the outermost first; at most [`MAX_FIELD_PATH`].
    ///
    /// # Errors
    /// [`FieldPathError::Number`], [`FieldPathError::Long`].
    pub fn new(numbers: &[u32]) -> Result<Self, FieldPathError> {
        if numbers.len() > MAX_FIELD_PATH {
            let numbers = numbers.len();
            return Err(FieldPathError::Long { numbers });
        }
        match numbers
            .iter()
            .find(|number| !(1..=MAX_FIELD_NUMBER).contains(number))
        {
            Some(&number) => Err(FieldPathError::Number { number }),
            None => Ok(Self(numbers.to_vec())),
        }
    }

    /// The field numbers, the outermost first.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.0
    }
}

/// Numbers with dots between them: `3.1`. Text cannot say the empty path.
impl FromStr for FieldPath {
    type Err = FieldPathError;

    fn from_str(path: &str) -> Result<Self, FieldPathError> {
        let number = |part: &str| {
            // A plain parse would take a sign.
            let digits = part.bytes().all(|byte| byte.is_ascii_digit());
            let number = part.parse().ok().filter(|_| digits);
            number
                .filter(|number| (1..=MAX_FIELD_NUMBER).contains(number))
                .ok_or_else(|| FieldPathError::Text {
                    path: path.to_owned(),
                    part: part.to_owned(),
                })
        };
        let numbers: Vec<u32> = path.split('.').map(number).collect::<Result<_, _>>()?;
        Self::new(&numbers)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, number) in self.0.iter().enumerate() {
            let dot = if place == 0 { "" } else { "." };
            write!(f, "{dot}{number}")?;
        }
        Ok(())
    }
}

/// A set of fields. What a reader with a projection gets of a record, however that is stored:
///
/// - a field whose path is in the set, with all that is below it;
/// - a message on the way to such a field, empty if it holds none; where it is not in the shortest encoding, or below
///   100 others, all of it;
/// - nothing else. The order of fields stays.
///
/// Records that are not messages in their shortest encoding come whole. With an empty set each message comes as an empty
/// record. Two sets are equal if they select the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldProjection {
    /// Sorted, without those below another one.
    paths: Vec<FieldPath>,
    /// The same as a tree. The root is the first.
    tree: Vec<Branch>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Branch {
    /// Field numbers, sorted, and the places of their branches; `None` is a field with all below it.
    children: Vec<(u32, Option<u32>)>,
}

/// What a projection says of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    No,
    All,
    /// The place of the branch below it.
    Below(u32),
}

impl FieldProjection {
    /// The fields with these paths, such as `[[1].as_slice(), &[3, 1]]`.
    ///
    /// # Errors
    /// Those of [`FieldPath::new`].
    pub fn new<P: AsRef<[u32]>>(
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Self, FieldPathError> {
        let paths = paths.into_iter().map(|path| FieldPath::new(path.as_ref()));
        paths.collect()
    }

    /// The paths, sorted. One below another one, or said twice, is left out.
    #[must_use]
    pub fn paths(&self) -> &[FieldPath] {
        &self.paths
    }

    /// Whether records come whole: the empty path is in the set.
    #[must_use]
    pub fn includes_all(&self) -> bool {
        self.paths.first().is_some_and(|path| path.0.is_empty())
    }

    /// What is wanted of field `number` in the message of `branch`. The record itself is branch 0.
    pub(super) fn wanted(&self, branch: u32, number: u32) -> Wanted {
        let branch = usize::try_from(branch).ok();
        let Some(branch) = branch.and_then(|branch| self.tree.get(branch)) else {
            return Wanted::No;
        };
        let place = branch
            .children
            .binary_search_by_key(&number, |child| child.0);
        match place.ok().and_then(|place| branch.children.get(place)) {
            None => Wanted::No,
            Some((_, None)) => Wanted::All,
            Some(&(_, Some(below))) => Wanted::Below(below),
        }
    }
}

impl FromIterator<FieldPath> for FieldProjection {
    fn from_iter<I: IntoIterator<Item = FieldPath>>(paths: I) -> Self {
        let mut all: Vec<FieldPath> = paths.into_iter().collect();
        all.sort_unstable();
        let mut paths: Vec<FieldPath> = Vec::with_capacity(all.len());
        for path in all {
            // What is below another path sorts behind it.
            if !paths.last().is_some_and(|last| path.0.starts_with(&last.0)) {
                paths.push(path);
            }
        }
        let mut tree = vec![Branch::default()];
        for path in &paths {
            plant(&mut tree, &path.0);
        }
        Self { paths, tree }
    }
}

/// Adds a path to the tree. Paths come sorted, so the branch to go on with is the last one of its parent.
fn plant(tree: &mut Vec<Branch>, path: &[u32]) {
    let mut place = 0_usize;
    for (depth, &number) in path.iter().enumerate() {
        let next = u32::try_from(tree.len()).ok();
        let is_last = depth.saturating_add(1) == path.len();
        let Some(branch) = tree.get_mut(place) else {
            return;
        };
        let below = match branch.children.last() {
            Some(&(last, below)) if last == number => below,
            _ => {
                let below = next.filter(|_| !is_last);
                branch.children.push((number, below));
                if below.is_some() {
                    tree.push(Branch::default());
                }
                below
            }
        };
        let Some(below) = below.and_then(|below| usize::try_from(below).ok()) else {
            return;
        };
        place = below;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_numbers() {
        for text in ["1", "3.1", "536870911.1.2"] {
            let path: FieldPath = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
            assert_eq!(FieldPath::new(path.numbers()), Ok(path));
        }
        assert_eq!(
            "3.x".parse::<FieldPath>().unwrap_err().to_string(),
            "field path \"3.x\" is not a list of numbers with dots between them: \"x\" is no number of 1..=536870911"
        );
        for text in ["", ".", "1.", "0", "+1", "-1", "1,2", "536870912", " 1"] {
            assert!(text.parse::<FieldPath>().is_err(), "{text:?}");
        }
        let long = FieldPath::new(&[1; 101]).unwrap_err();
        assert_eq!(long, FieldPathError::Long { numbers: 101 });
        assert!(FieldPath::new(&[1; 100]).is_ok());
        assert_eq!(
            FieldPath::new(&[1, 0]).unwrap_err().to_string(),
            "field number 0 is outside 1..=536870911"
        );
    }

    #[test]
    fn equal_sets_are_equal() {
        let set = |paths: &[&[u32]]| FieldProjection::new(paths).unwrap();
        let wide = set(&[&[3], &[1, 2], &[3, 1], &[3], &[1, 1, 4]]);
        assert_eq!(wide, set(&[&[1, 1, 4], &[1, 2], &[3]]));
        let shown: Vec<String> = wide.paths().iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["1.1.4", "1.2", "3"]);
        assert!(!wide.includes_all());
        assert!(set(&[&[3], &[]]).includes_all());
        assert_eq!(set(&[&[3], &[]]), set(&[&[]]));
        assert!(!set(&[]).includes_all());

        assert_eq!(wide.wanted(0, 3), Wanted::All);
        assert_eq!(wide.wanted(0, 2), Wanted::No);
        let Wanted::Below(first) = wide.wanted(0, 1) else {
            panic!("field 1 has branches");
        };
        assert_eq!(wide.wanted(first, 2), Wanted::All);
        let Wanted::Below(second) = wide.wanted(first, 1) else {
            panic!("field 1.1 has branches");
        };
        assert_eq!(wide.wanted(second, 4), Wanted::All);
        assert_eq!(wide.wanted(second, 1), Wanted::No);
        assert_eq!(set(&[]).wanted(0, 1), Wanted::No);
    }
}
