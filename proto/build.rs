//! Compiles the protocol with a pure-Rust protobuf compiler, so that no `protoc` needs installing.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema = "flotilla/fleet/v1/fleet.proto";
    println!("cargo:rerun-if-changed={schema}");
    let descriptors = protox::compile([schema], ["."])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
