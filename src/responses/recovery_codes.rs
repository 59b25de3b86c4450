//! Recovery codes, which a user sees once.

use serde::Serialize;
use utoipa::ToSchema;

/// New recovery codes.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// The ten codes. Each works once.
    #[schema(example = json!(["01abc-23xyz", "7kq2m-w4e9r"]))]
    pub recovery_codes: Vec<String>,
}

/// New recovery codes, unless the user already has some.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodesIfNew {
    /// The ten codes, each of which works once. Null if the user already has codes, which stay valid.
    #[schema(required)]
    pub recovery_codes: Option<Vec<String>>,
}
