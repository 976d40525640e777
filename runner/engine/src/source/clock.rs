//! The times of decoded frames, made strictly rising: containers leave times out, repeat them, swap them, and some are
//! two recordings in one with a clock that starts anew. The same frames from the same start always get the same times.

/// Gives frames their times, in the order in which they are shown.
pub struct Clock {
    /// The clock may be set back in the middle of the stream (ISO/IEC 13818-1 §2.7.6).
    set_back: bool,
    second_ticks: i64,
    /// Time of the frame before and its distance from the one before that.
    latest: Option<i64>,
    step_ticks: i64,
    nominal_ticks: i64,
    offset_ticks: i64,
    /// No frame has stated a time yet: all so far are ours.
    is_untimed: bool,
}

impl Clock {
    /// Before the first frame; `step_ticks` is the nominal length of a frame.
    pub fn new(second_ticks: i64, step_ticks: i64, set_back: bool) -> Self {
        let (second_ticks, step_ticks) = (second_ticks.max(1), step_ticks.max(1));
        Self {
            set_back,
            second_ticks,
            latest: None,
            step_ticks,
            nominal_ticks: step_ticks,
            offset_ticks: 0,
            is_untimed: true,
        }
    }

    /// The time of the next frame, given what the stream states.
    pub fn time(&mut self, stated: Option<i64>) -> i64 {
        let Some(before) = self.latest else {
            let first = stated.unwrap_or(0);
            self.latest = Some(first);
            self.is_untimed = stated.is_none();
            return first;
        };
        // A frame without a time is as far from the one before as that one was.
        let next = before.saturating_add(self.step_ticks);
        let mut time = stated.map_or(next, |pts| pts.saturating_add(self.offset_ticks));
        // The first time that is stated goes on from times that were ours.
        let starts_late = self.is_untimed && stated.is_some() && time <= before;
        self.is_untimed = self.is_untimed && stated.is_none();
        if starts_late || (self.set_back && before.saturating_sub(time) > self.second_ticks) {
            self.offset_ticks = self.offset_ticks.saturating_add(next.saturating_sub(time));
            time = next;
        }
        if time > before {
            self.step_ticks = time - before;
        } else {
            // A little after the frame before, so that the next time that is stated can still be kept.
            time = before.saturating_add((self.step_ticks.min(self.nominal_ticks) / 4).max(1));
        }
        self.latest = Some(time);
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(set_back: bool, stated: &[Option<i64>], expected: &[i64]) {
        let mut clock = Clock::new(1000, 40, set_back);
        let times: Vec<_> = stated.iter().map(|pts| clock.time(*pts)).collect();
        assert_eq!(times, expected);
    }

    #[test]
    fn missing_times_go_on_at_the_pace_of_those_before() {
        check(false, &[None, None, None], &[0, 40, 80]);
        check(false, &[Some(5), Some(25), None, Some(60), None], &[5, 25, 45, 60, 75]);
    }

    #[test]
    fn times_that_begin_late_go_on_from_the_frames_before_them() {
        check(false, &[None, None, None, Some(0), Some(40), None], &[0, 40, 80, 120, 160, 200]);
        check(false, &[None, None, Some(500), Some(540)], &[0, 40, 500, 540]);
    }

    #[test]
    fn repeated_and_swapped_times_move_on_a_little() {
        check(false, &[Some(0), Some(40), Some(40), Some(30), Some(80)], &[0, 40, 50, 60, 80]);
    }

    #[test]
    fn a_clock_that_starts_anew_goes_on() {
        let stated = [Some(9000), Some(9040), Some(100), Some(140)];
        check(true, &stated, &[9000, 9040, 9080, 9120]);
        check(false, &stated, &[9000, 9040, 9050, 9060]);
    }
}
