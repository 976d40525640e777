//! The words of a report, in each language: one field a phrase, so that no language can lack one.

use super::super::Language;

/// All phrases. `{}` stands for a value.
#[derive(Debug)]
pub struct Words {
    /// Of the document, for browsers.
    pub lang: &'static str,
    pub title: &'static str,
    pub made_at: &'static str,
    pub skip: &'static str,
    pub runners_heading: &'static str,
    pub runners_caption: &'static str,
    pub runner: &'static str,
    pub machine: &'static str,
    pub processors: &'static str,
    pub memory: &'static str,
    pub slots: &'static str,
    pub measured_at: &'static str,
    pub kind: &'static str,
    pub quick: &'static str,
    pub whole: &'static str,
    pub development: &'static str,
    pub speed_heading: &'static str,
    pub speed_chart: &'static str,
    pub speed_axis: &'static str,
    pub energy_heading: &'static str,
    pub energy_chart: &'static str,
    pub energy_axis: &'static str,
    pub energy_missing: &'static str,
    pub price_heading: &'static str,
    pub price_chart: &'static str,
    pub price_axis: &'static str,
    pub case_caption: &'static str,
    pub rank: &'static str,
    pub real_time: &'static str,
    pub frames: &'static str,
    pub spread: &'static str,
    pub one_run: &'static str,
    pub cpu: &'static str,
    pub ssim: &'static str,
    pub joules: &'static str,
    pub price: &'static str,
    pub not_known: &'static str,
    pub reading_heading: &'static str,
    pub reading: [&'static str; 6],
    /// Between the whole and the fraction of a number.
    pub decimal: &'static str,
}

static ENGLISH: Words = Words {
    lang: "en",
    title: "Benchmarks of the fleet",
    made_at: "Made at {}, from the newest result of each runner.",
    skip: "Skip to the figures",
    runners_heading: "Runners",
    runners_caption: "What was measured, and on what",
    runner: "Runner",
    machine: "Machine",
    processors: "Processors",
    memory: "Memory, GiB",
    slots: "Slots",
    measured_at: "Measured at",
    kind: "Kind",
    quick: "quick, one run",
    whole: "whole, median of three runs",
    development: "development build: slower than it is",
    speed_heading: "Speed",
    speed_chart: "{}: seconds of video per second; longer is faster",
    speed_axis: "seconds of video per second",
    energy_heading: "Energy",
    energy_chart: "{}: joules for a minute of video; shorter is thriftier",
    energy_axis: "joules for a minute of video",
    energy_missing: "No runner could measure energy.",
    price_heading: "Price",
    price_chart: "{}: price of an hour of video; shorter is cheaper",
    price_axis: "{} for an hour of video",
    case_caption: "All figures of {}, the fastest first",
    rank: "Place",
    real_time: "Times real time",
    frames: "Frames a second",
    spread: "Spread, %",
    one_run: "one run",
    cpu: "CPU seconds for a minute of video",
    ssim: "SSIM",
    joules: "Joules for a minute of video",
    price: "{} for an hour of video",
    not_known: "not known",
    reading_heading: "How to read this",
    reading: [
        "Each runner encoded the same short clip with real engines, one in each of its slots at the same time.",
        "Times real time: 2 means that a machine makes two seconds of video in a second, all slots together.",
        "A ladder is one video in several sizes; each counts once.",
        "Spread is the distance between the fastest and the slowest run, in per cent of the median. Differences smaller than it mean nothing.",
        "SSIM is the likeness of the largest size to its source in brightness; 1 is equal. Speeds of different likeness are not alike.",
        "Energy is that of the processors by their own counters, and of NVIDIA devices by theirs, not of the whole machine.",
    ],
    decimal: ".",
};

static FRENCH: Words = Words {
    lang: "fr",
    title: "Bancs d’essai de la flotte",
    made_at: "Établi le {}, d’après le résultat le plus récent de chaque machine.",
    skip: "Aller aux chiffres",
    runners_heading: "Machines",
    runners_caption: "Ce qui a été mesuré, et sur quoi",
    runner: "Machine",
    machine: "Système et processeur",
    processors: "Processeurs",
    memory: "Mémoire, Gio",
    slots: "Tâches simultanées",
    measured_at: "Mesuré le",
    kind: "Type",
    quick: "rapide, une seule mesure",
    whole: "complet, médiane de trois mesures",
    development: "version de développement : plus lente qu’en réalité",
    speed_heading: "Vitesse",
    speed_chart: "{} : secondes de vidéo par seconde ; plus long est plus rapide",
    speed_axis: "secondes de vidéo par seconde",
    energy_heading: "Énergie",
    energy_chart: "{} : joules pour une minute de vidéo ; plus court est plus sobre",
    energy_axis: "joules pour une minute de vidéo",
    energy_missing: "Aucune machine n’a pu mesurer son énergie.",
    price_heading: "Prix",
    price_chart: "{} : prix d’une heure de vidéo ; plus court est moins cher",
    price_axis: "{} pour une heure de vidéo",
    case_caption: "Tous les chiffres de {}, la plus rapide d’abord",
    rank: "Rang",
    real_time: "Fois le temps réel",
    frames: "Images par seconde",
    spread: "Dispersion, %",
    one_run: "une mesure",
    cpu: "Secondes de processeur pour une minute de vidéo",
    ssim: "SSIM",
    joules: "Joules pour une minute de vidéo",
    price: "{} pour une heure de vidéo",
    not_known: "inconnu",
    reading_heading: "Comment lire cette page",
    reading: [
        "Chaque machine a encodé le même court extrait avec de vrais moteurs, un par tâche simultanée, tous en même temps.",
        "Fois le temps réel : 2 signifie que la machine produit deux secondes de vidéo par seconde, toutes tâches confondues.",
        "Une échelle (« ladder ») est une même vidéo en plusieurs tailles ; chacune compte une fois.",
        "La dispersion est l’écart entre la mesure la plus rapide et la plus lente, en pour cent de la médiane. Une différence plus petite ne veut rien dire.",
        "SSIM est la ressemblance de la plus grande taille à sa source, en luminosité ; 1 veut dire identique. À ressemblances différentes, les vitesses ne se comparent pas.",
        "L’énergie est celle des processeurs d’après leurs propres compteurs, et des cartes NVIDIA d’après les leurs, non celle de la machine entière.",
    ],
    decimal: ",",
};

impl Words {
    /// Those of a language.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &ENGLISH,
            Language::Fr => &FRENCH,
        }
    }

    /// A phrase with its value.
    pub fn say(&self, phrase: &str, value: &str) -> String {
        phrase.replace("{}", value)
    }

    /// A figure with so many digits behind the point.
    pub fn figure(&self, value: f64, digits: usize) -> String {
        format!("{value:.digits$}").replace('.', self.decimal)
    }

    /// The same, or that it is not known.
    pub fn maybe(&self, value: Option<f64>, digits: usize) -> String {
        value.map_or_else(|| self.not_known.to_owned(), |value| self.figure(value, digits))
    }
}
