#![doc = include_str!("../README.md")]

mod check_page;
mod escape;
mod texts;

pub use check_page::{CheckPage, CheckPageError, Expected, MAX_MODULE_BYTES};
pub use texts::{Catalogue, LANGUAGES, Language};
