//! Jobs whose profile is no profile of the library: they say exactly what they want.

use flotilla_coordinator::jobs::{ProfileChoice, Submission};
use flotilla_profiles::ExactRendition;
use flotilla_proto::fleet::task_spec::Kind as Spec;

use crate::runner::spec;
use crate::stage::Stage;

#[tokio::test]
async fn a_given_profile_makes_exactly_its_renditions() {
    let stage = Stage::new().await;
    let mut profile = stage.jobs().profiles().get("web").expect("a shipped profile").clone();
    profile.name = "asked-for".into();
    let exact = [(360, 24), (720, 24), (360, 12)];
    let exact = exact.map(|(short_side, fps)| ExactRendition { short_side, fps });
    profile.video.as_mut().expect("it makes pictures").exact = exact.to_vec();
    let (choice, named) = (ProfileChoice::Given(Box::new(profile)), stage.submission("clip"));
    let job = stage.jobs().submit(Submission { profile: choice, ..named }).await.expect("it is taken");
    assert_eq!(stage.view(&job).await.profile, "asked-for");

    let runner = stage.runner("one", "same").await;
    let lease = runner.take_chunk().await;
    let Spec::EncodeChunk(chunk) = spec(&lease) else { panic!("a chunk") };
    let wanted = chunk.renditions.iter().map(|rendition| {
        let rate = rendition.frame_rate.expect("a rate");
        (rendition.name.as_str(), rendition.width, rendition.height, rate.numerator / rate.denominator)
    });
    assert!(wanted.eq([("720p", 1280, 720, 24), ("360p", 640, 360, 24), ("360p12", 640, 360, 12)]));
    assert_eq!(chunk.grids.len(), 2);

    let unknown = ProfileChoice::Named("asked-for".into());
    let refused = stage.jobs().submit(Submission { profile: unknown, ..stage.submission("other") }).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("asked-for")), "it is not in the library");
}
