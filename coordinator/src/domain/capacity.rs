//! How many of which machines so many uploads a day need. Arithmetic on what benchmarks measured: pixels to encode over
//! pixels a second. Sound, copying and the network are left out: beside pictures they are little.

use std::collections::BTreeMap;

use flotilla_profiles::{Profile, Size, VideoRules, limited_fps, rungs};

use super::benchmark::Findings;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Hours of a month, on average.
const MONTH_HOURS: f64 = 730.5;

/// What uploads are mostly like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Pixels.
    pub size: Size,
    /// Frames a second.
    pub fps: u32,
}

/// How much comes in, and how well machines may be filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Uploads in a day.
    pub uploads_per_day: f64,
    /// Length of one, minutes.
    pub minutes: f64,
    /// Uploads of the busiest time, over those of the average; at least 1.
    pub peak: f64,
    /// How much of a machine is counted on, above 0 and up to 1: the rest is for copies, retries and its own life.
    pub utilisation: f64,
}

/// Output pixels of a second of video, by encoder.
pub type Pixels = BTreeMap<String, f64>;

/// What an upload becomes by these profiles together.
pub fn pixels(upload: Upload, profiles: &[&Profile]) -> Pixels {
    let mut pixels = Pixels::new();
    for rules in profiles.iter().filter_map(|profile| profile.video.as_ref()) {
        *pixels.entry(rules.encoder.clone()).or_default() += ladder(upload, rules);
    }
    pixels
}

fn ladder(upload: Upload, rules: &VideoRules) -> f64 {
    let rung = |(size, is_own): (Size, bool)| {
        let limited = limited_fps(upload.fps, size.short_side(), rules.frame_rate);
        let fps = if is_own { upload.fps } else { limited };
        f64::from(size.width) * f64::from(size.height) * f64::from(fps)
    };
    rungs(upload.size, rules).into_iter().map(rung).sum()
}

/// A kind of machine, known by a benchmark of one.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// For people.
    pub name: &'a str,
    /// What was measured.
    pub findings: &'a Findings,
    /// What an hour of it costs, in any currency.
    pub price_per_hour: Option<f64>,
}

/// So many machines of one kind would do it.
#[derive(Clone, Debug, PartialEq)]
pub struct Need<'a> {
    /// The kind, for people.
    pub name: &'a str,
    /// Why it cannot be told, where it cannot.
    pub figures: Result<Figures, String>,
}

/// What a kind of machine does of the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Seconds of video that one machine makes in a second.
    pub times_real_time: f64,
    /// Machines of this kind alone, for all of it.
    pub count: u64,
    /// Machines of this kind besides those that are there.
    pub more: u64,
    /// Of all of them for a month of running through.
    pub price_per_month: Option<f64>,
    /// Energy of their processors for a day's uploads, kWh.
    pub kwh_per_day: Option<f64>,
}

/// What a load asks for, and what there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity<'a> {
    /// Seconds of video that have to be made in a second, on average.
    pub average: f64,
    /// The same at the busiest time.
    pub peak: f64,
    /// The same that the machines that are there make, as far as they are counted on.
    pub present: f64,
    /// One for each kind of machine, in the order given.
    pub needs: Vec<Need<'a>>,
}

/// Plans for a load of such videos on kinds of machines of which there is one each.
pub fn plan<'a>(load: Load, pixels: &Pixels, machines: &[Machine<'a>]) -> Capacity<'a> {
    let average = load.uploads_per_day * load.minutes * 60.0 / DAY;
    let peak = average * load.peak;
    let speeds: Vec<_> = machines.iter().map(|machine| speed(machine.findings, pixels)).collect();
    let present = load.utilisation * speeds.iter().flatten().map(|speed| speed.times_real_time).sum::<f64>();
    let need = |(machine, speed): (&Machine<'a>, Result<Speed, String>)| {
        let figures = speed.map(|speed| {
            let each = speed.times_real_time * load.utilisation;
            let count = machines_for(peak, each);
            Figures {
                times_real_time: speed.times_real_time,
                count,
                more: machines_for(peak - present, each),
                price_per_month: machine.price_per_hour.map(|price| price * MONTH_HOURS * count as f64),
                kwh_per_day: speed.joules_per_second.map(|joules| joules * average * DAY / 3.6e6),
            }
        });
        Need { name: machine.name, figures }
    };
    Capacity { average, peak, present, needs: machines.iter().zip(speeds).map(need).collect() }
}

fn machines_for(wanted: f64, each: f64) -> u64 {
    // A billionth less than a whole machine is rounding, not another machine. A cast of a float saturates.
    (wanted / each - 1e-9).ceil().max(0.0) as u64
}

/// What one machine does.
struct Speed {
    times_real_time: f64,
    /// For a second of video.
    joules_per_second: Option<f64>,
}

/// One slot takes, for a second of video, the sum over encoders of pixels over speed; all slots do so at a time.
fn speed(findings: &Findings, pixels: &Pixels) -> Result<Speed, String> {
    let slots = f64::from(findings.host.slots);
    let (mut took, mut joules) = (0.0, Some(0.0));
    for (encoder, pixels) in pixels {
        let measured = findings.usual(encoder).ok_or_else(|| format!("{encoder} was not measured"))?;
        let per_second = measured.pixels_per_second_per_slot as f64;
        took += pixels / per_second;
        // Watts of the machine over its pixels per second.
        let per_pixel = measured
            .joules_per_minute
            .map(|joules| joules / 60.0 * measured.times_real_time / (per_second * slots));
        joules = joules.zip(per_pixel).map(|(joules, per_pixel)| joules + pixels * per_pixel);
    }
    match took > 0.0 {
        true => Ok(Speed { times_real_time: slots / took, joules_per_second: joules }),
        false => Err("the profile makes no pictures".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::benchmark::fixtures::findings;
    use super::*;

    const HD: Upload = Upload { size: Size { width: 1920, height: 1080 }, fps: 60 };
    /// A second of 540p at 30 frames a second.
    const P540: f64 = 1_300_000.0 * 30.0;

    fn h264(pixels: f64) -> Pixels {
        [("libx264".to_owned(), pixels)].into()
    }

    fn load(uploads_per_day: f64) -> Load {
        Load { uploads_per_day, minutes: 10.0, peak: 3.0, utilisation: 0.5 }
    }

    #[test]
    fn machines_are_counted_for_the_busiest_time_and_cost_all_month() {
        // 864 uploads of ten minutes: six seconds of video a second, eighteen at the busiest time.
        let (fast, slow) = (findings(8.0, Some(60.0)), findings(1.0, None));
        let of = |name, findings, price_per_hour| Machine { name, findings, price_per_hour };
        let machines = [of("fast", &fast, Some(2.0)), of("slow", &slow, None)];
        let planned = plan(load(864.0), &h264(P540), &machines);
        assert_eq!((planned.average, planned.peak, planned.present), (6.0, 18.0, 4.5));
        let figures: Vec<_> =
            planned.needs.iter().map(|need| need.figures.clone().expect("it was measured")).collect();
        // 8 x half = 4 each: 4.5 machines; 13.5 are missing beside what is there.
        assert_eq!((figures[0].count, figures[0].more), (5, 4));
        assert_eq!((figures[1].count, figures[1].more), (36, 27));
        assert_eq!(figures[0].price_per_month, Some(2.0 * 730.5 * 5.0));
        // A minute of video takes 60 J: 6 J a second for all of them, 0.144 kWh a day.
        assert!((figures[0].kwh_per_day.expect("energy was measured") - 0.144).abs() < 1e-9);
        assert_eq!(figures[1].kwh_per_day, None);
    }

    #[test]
    fn half_the_pixels_are_twice_the_speed_and_two_encoders_share_a_slot() {
        let mut both = findings(4.0, None);
        let mut av1 = both.measurements[0].clone();
        av1.encoder = "libsvtav1".into();
        both.measurements.push(av1);
        let times = |pixels: &Pixels| speed(&both, pixels).unwrap().times_real_time;
        assert_eq!((times(&h264(P540)), times(&h264(P540 / 2.0))), (4.0, 8.0));
        let mut two = h264(P540);
        two.insert("libsvtav1".into(), P540);
        assert_eq!(times(&two), 2.0);
        two.insert("rav1e".into(), 1.0);
        assert_eq!(speed(&both, &two).err().as_deref(), Some("rav1e was not measured"));
        assert!(speed(&both, &Pixels::new()).is_err());
    }

    #[test]
    fn a_ladder_has_fewer_frames_where_the_profile_says_so() {
        let library = flotilla_profiles::Library::load(None).unwrap();
        let get = |name: &str| library.get(name).unwrap();
        let web = pixels(HD, &[get("web")]);
        let large = [(1920, 1080), (1280, 720)].map(|(width, height)| width * height * 60);
        let small =
            [(854, 480), (640, 360), (426, 240), (256, 144)].map(|(width, height)| width * height * 30);
        assert_eq!(web["libx264"], f64::from(large.iter().chain(&small).sum::<i32>()));
        let both = pixels(HD, &[get("web"), get("av1"), get("audio")]);
        assert_eq!(both.keys().collect::<Vec<_>>(), ["libsvtav1", "libx264"]);
    }

    proptest! {
        #[test]
        fn that_many_machines_are_enough_and_one_less_is_not(
            uploads in 1_f64..1e6, times in 0.01_f64..100.0, peak in 1_f64..10.0, utilisation in 0.1_f64..1.0,
        ) {
            let one = findings(times, None);
            let load = Load { uploads_per_day: uploads, minutes: 7.0, peak, utilisation };
            let machines = [Machine { name: "a", findings: &one, price_per_hour: None }];
            let planned = plan(load, &h264(P540), &machines);
            let figures = planned.needs[0].figures.clone().unwrap();
            let does = |count: u64| figures.times_real_time * utilisation * count as f64;
            prop_assert!(does(figures.count) >= planned.peak * (1.0 - 1e-6));
            prop_assert!(does(figures.count.saturating_sub(1)) < planned.peak * (1.0 + 1e-6));
            prop_assert_eq!(figures.more, figures.count.saturating_sub(1));
        }
    }
}
