#![doc = include_str!("../README.md")]

mod check_page;
mod escape;
mod serve;
mod site;
mod texts;

pub use check_page::{CheckPage, CheckPageError, Expected, MAX_MODULE_BYTES};
pub use serve::{MAX_REQUEST_BYTES, respond};
pub use site::{MAX_EPOCHS, Site, SiteEpoch, SiteError};
pub use texts::{Catalogue, LANGUAGES, Language};
