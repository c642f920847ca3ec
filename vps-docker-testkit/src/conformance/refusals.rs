//! Orders that cannot be carried out: refused, and nothing is made that costs money.

use vps_docker_core::ErrorKind;
use vps_docker_core::model::{BootImage, InstanceSpec, SnapshotId};

use super::create::padded;
use super::expect::refused;
use super::subject::Subject;

/// The name of what no provider has.
const NO_SUCH: &str = "vps-docker-no-such-thing";

/// `user_data` over the limit is refused here, before anything is sent.
pub async fn too_much_user_data_is_refused_before_anything_is_made(subject: &Subject) {
    let mut spec = subject.spec().await;
    let limit = subject.capabilities().user_data_limit;
    spec.user_data = padded(&spec, limit + 1).into();
    assert_refused(subject, &spec, "too much user_data", &[ErrorKind::Invalid]).await;
}

/// A region that is in no catalogue.
pub async fn an_unknown_region_is_refused_and_nothing_made(subject: &Subject) {
    let mut spec = subject.spec().await;
    spec.region = NO_SUCH.into();
    assert_refused(subject, &spec, "an unknown region", UNKNOWN).await;
}

/// A plan that is in no catalogue.
pub async fn an_unknown_plan_is_refused_and_nothing_made(subject: &Subject) {
    let mut spec = subject.spec().await;
    spec.plan = NO_SUCH.into();
    assert_refused(subject, &spec, "an unknown plan", UNKNOWN).await;
}

/// An image that is in no catalogue.
pub async fn an_unknown_image_is_refused_and_nothing_made(subject: &Subject) {
    let mut spec = subject.spec().await;
    spec.image = BootImage::Catalog(NO_SUCH.into());
    assert_refused(subject, &spec, "an unknown image", UNKNOWN).await;
}

/// A snapshot that there is not, or that no instance can be made of.
pub async fn an_unknown_snapshot_is_refused_and_nothing_made(subject: &Subject) {
    let mut spec = subject.spec().await;
    spec.image = BootImage::Snapshot(SnapshotId::new(NO_SUCH));
    let kinds = if subject.capabilities().create_from_snapshot {
        UNKNOWN
    } else {
        &[
            ErrorKind::Invalid,
            ErrorKind::NotFound,
            ErrorKind::Unsupported,
        ]
    };
    assert_refused(subject, &spec, "an unknown snapshot", kinds).await;
}

const UNKNOWN: &[ErrorKind] = &[ErrorKind::Invalid, ErrorKind::NotFound];

pub(super) async fn assert_refused(
    subject: &Subject,
    spec: &InstanceSpec,
    what: &str,
    kinds: &[ErrorKind],
) {
    let answer = subject.try_order(spec).await;
    let error = refused(&format!("create_instance with {what}"), answer, kinds);
    assert!(
        !error.is_retryable(),
        "an order with {what} does not become right by being sent again, yet the error says that a \
         retry may help: {error}"
    );
    subject.assert_nothing_was_made(spec, what).await;
}
