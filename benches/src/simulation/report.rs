//! The scenarios that the program runs, and the lines that it prints of them.

use anyhow::Result;
use flotilla_benches::simulation::costs::Costs;
use flotilla_benches::simulation::scenario::{shape_1080p, shape_2160p};
use flotilla_benches::simulation::{History, Scenario, Shape, simulate};

/// One hour.
const HOUR_SECONDS: u32 = 3600;

/// Makespan over lower bound, by the number of runners.
pub struct Curve {
    /// For the legend.
    pub name: &'static str,
    /// Runners and ratio.
    pub points: Vec<(usize, f64)>,
}

/// What holds for all scenarios of a run.
pub struct Setting<'a> {
    /// Of tasks.
    pub costs: &'a Costs,
    /// Of all chances.
    pub seed: u64,
    /// See the program's flag.
    pub joined_by_store: bool,
}

impl Setting<'_> {
    async fn run(&self, name: &str, scenario: Scenario) -> Result<History> {
        let scenario = if self.joined_by_store { scenario.joined_by_store() } else { scenario };
        let history = simulate(&scenario, self.costs).await?;
        let slots: u32 = scenario.fleet.iter().map(|machine| machine.slots).sum();
        let seconds = |ms: i64| ms as f64 / 1000.0;
        println!(
            "{name:<26} {:>4} runners {slots:>5} slots  makespan {:>9.1} s  bound {:>9.1} s  ratio {:.3}  busy {:>4.1} %  \
             wasted {:>4.1} %  {} of {} jobs  {} tasks  {} attempts",
            scenario.fleet.len(),
            seconds(history.makespan_ms),
            history.bound_ms / 1000.0,
            history.ratio(),
            history.busy_share * 100.0,
            history.wasted_share * 100.0,
            history.published(),
            history.jobs.len(),
            history.tasks,
            history.attempts,
        );
        if let ([.., job], true) = (history.jobs.as_slice(), history.jobs.len() <= 2) {
            let at = |ms: Option<i64>| {
                ms.map_or("never".to_owned(), |ms| format!("{:.1} s", seconds(ms - scenario.from_ms)))
            };
            println!(
                "{:<26} planned {}, sound {}, {} chunks {}, published {}",
                "",
                at(job.planned_ms),
                at(job.sound_ms),
                job.chunks,
                at(job.encoded_ms),
                at(job.published_ms),
            );
        }
        Ok(history)
    }

    /// One hour on fleets of all sizes.
    pub async fn films(&self, fleets: &[usize]) -> Result<Vec<Curve>> {
        let shapes =
            [("one hour of 1080p", shape_1080p as fn(u32) -> Shape), ("one hour of 2160p", shape_2160p)];
        let mut curves = Vec::new();
        for (name, shape) in shapes {
            let mut points = Vec::new();
            for &runners in fleets {
                let scenario = Scenario::film(runners, shape(HOUR_SECONDS), self.seed).after_another();
                points.push((runners, self.run(name, scenario).await?.ratio()));
            }
            curves.push(Curve { name, points });
        }
        Ok(curves)
    }

    /// Mixed videos that arrive within half an hour.
    pub async fn queue(&self, runners: usize, videos: usize) -> Result<()> {
        let scenario = Scenario::queue(runners, videos, 1_800_000, self.seed);
        let history = self.run("queue of mixed videos", scenario).await?;
        for longest_seconds in [60, 600, 7200] {
            if let Some(wait_ms) = history.median_wait_ms(longest_seconds) {
                println!(
                    "  videos of at most {longest_seconds} s: half are published after {:.1} s",
                    wait_ms as f64 / 1000.0
                );
            }
        }
        Ok(())
    }

    /// Single machines.
    pub async fn machines(&self) -> Result<()> {
        for cores in [8, 16, 64] {
            for (name, seconds) in
                [("one machine, 10 min 1080p", 600), ("one machine, 1 h 1080p", HOUR_SECONDS)]
            {
                self.run(name, Scenario::machine(cores, shape_1080p(seconds), self.seed)).await?;
            }
        }
        Ok(())
    }

    /// One runner slowed ten times in the middle.
    pub async fn slow(&self) -> Result<()> {
        let scenario = Scenario::film(16, shape_2160p(HOUR_SECONDS), self.seed);
        let before = self.run("undisturbed", scenario.clone()).await?;
        let slowed = scenario.with_slow_runner(3, before.makespan_ms / 2);
        let after = self.run("one slowed ten times", slowed).await?;
        let growth = after.makespan_ms as f64 / before.makespan_ms as f64 - 1.0;
        println!("  the makespan grows by {:.1} %", growth * 100.0);
        Ok(())
    }

    /// Runners that vanish at random.
    pub async fn deaths(&self) -> Result<()> {
        let scenario = Scenario::film(32, shape_1080p(HOUR_SECONDS), self.seed);
        let before = self.run("undisturbed", scenario.clone()).await?;
        for share in [0.1, 0.3, 0.5] {
            let name = format!("{:.0} % vanish", share * 100.0);
            self.run(&name, scenario.clone().with_deaths(share, before.makespan_ms)).await?;
        }
        Ok(())
    }
}
