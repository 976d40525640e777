//! Pictures over the video: where they lie, in even pixels, since chroma samples lie on every other one.

use super::refused;
use crate::domain::edit::Edit;
use crate::domain::plan::Mark;
use crate::domain::source::{Insert, Source};
use crate::domain::{Failure, FailureClass};

const MILLION: u64 = 1_000_000;

/// The marks of the edits over a picture of that size, in the order in which they are laid on.
pub(super) fn of(source: &Source, edits: &[Edit], size: (u32, u32)) -> Result<Vec<Mark>, Failure> {
    let mut marks = Vec::new();
    for edit in edits {
        let Edit::AddWatermark { file, height_ppm, right_ppm, top_ppm } = *edit else { continue };
        let Some(Insert::Mark { width, height }) = source.inserts.get(file as usize) else {
            return Err(refused(FailureClass::Verify, "the probe does not say what the edits put in"));
        };
        let picture = (u64::from(*width).max(1), u64::from(*height).max(1));
        marks.push(placed(file, picture, (height_ppm, right_ppm, top_ppm), size));
    }
    Ok(marks)
}

fn placed(
    file: u32,
    (picture_width, picture_height): (u64, u64),
    (height_ppm, right_ppm, top_ppm): (u32, u32, u32),
    (width, height): (u32, u32),
) -> Mark {
    let (width, height) = (u64::from(width), u64::from(height));
    let of_height = |ppm: u32| even(height * u64::from(ppm), MILLION);
    let right = of_height(right_ppm).min(width - 2);
    let room = width - right;
    let wanted = of_height(height_ppm).clamp(2, height);
    let across = even(wanted * picture_width, picture_height).max(2);
    // A picture that is far wider than high gets smaller instead of lying beside the video.
    let (mark_width, mark_height) = match across <= room {
        true => (across, wanted),
        false => (room, even(room * picture_height, picture_width).clamp(2, wanted)),
    };
    let pixels = |pixels: u64| u32::try_from(pixels).unwrap_or(0);
    Mark {
        file,
        width: pixels(mark_width),
        height: pixels(mark_height),
        left: pixels(width - right - mark_width),
        top: pixels(of_height(top_ppm).min(height - mark_height)),
    }
}

/// The even number nearest to a fraction.
fn even(numerator: u64, denominator: u64) -> u64 {
    (numerator + denominator) / (2 * denominator) * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(picture: (u64, u64), ppm: (u32, u32, u32), size: (u32, u32), expected: (u32, u32, u32, u32)) {
        let mark = placed(0, picture, ppm, size);
        assert_eq!((mark.width, mark.height, mark.left, mark.top), expected, "{picture:?} {ppm:?} {size:?}");
        assert!(mark.left + mark.width <= size.0 && mark.top + mark.height <= size.1);
    }

    #[test]
    fn a_mark_lies_in_the_upper_right_corner_by_shares_of_the_height() {
        // PeerTube's own: a fifteenth of the height, a thirty-third from the edges.
        check((200, 100), (66_667, 30_303, 30_303), (1920, 1080), (144, 72, 1744, 32));
        check((100, 100), (100_000, 0, 0), (360, 640), (64, 64, 296, 0));
        check((100, 100), (1_000_000, 0, 1_000_000), (1280, 720), (720, 720, 560, 0));
    }

    #[test]
    fn whatever_the_picture_it_stays_within_the_video() {
        check((10_000, 10), (500_000, 100_000, 0), (640, 360), (604, 2, 0, 0));
        check((1, 5000), (100_000, 0, 0), (640, 360), (2, 36, 638, 0));
        check((4, 4), (1, 1_000_000, 1_000_000), (64, 360), (2, 2, 0, 358));
    }
}
