//! Links as QR codes.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

use crate::failure::Failure;

/// Bytes that the largest code holds at the lowest level of correction (ISO/IEC 18004, version 40-L, bytes).
const MAX_BYTES: usize = 2_953;

/// Modules of light around a code (ISO/IEC 18004).
const QUIET: usize = 4;

/// A link as one QR code, in an SVG image of one unit a module.
pub(crate) fn svg(link: &str) -> Result<String, Failure> {
    // Screens and prints of a file aren't damaged, so modules that can be told apart count more than correction.
    let code = QrCode::with_error_correction_level(link, EcLevel::L).map_err(|_| {
        Failure::usage(format_args!(
            "the link has {} bytes, and a QR code holds at most {MAX_BYTES}; the largest part is the receipt's entries",
            link.len()
        ))
        .with_hint("give the customer the link or the file instead")
    })?;
    let width = code.width();
    let size = width + 2 * QUIET;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{size}\" height=\"{size}\" fill=\"#fff\"/><path fill=\"#000\" d=\""
    );
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                let _ = write!(svg, "M{} {}h{}v1h-{}z", x + QUIET, y + QUIET, run.len(), run.len());
            }
            x += run.len();
        }
    }
    svg.push_str("\"/></svg>\n");
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The image as a scanner sees it, a few pixels a module.
    fn scanned(svg: &str) -> String {
        const PIXELS: usize = 3;
        let size: usize = svg.split_once("0 0 ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        let mut dark = vec![false; size * size];
        for run in svg.split('M').skip(1) {
            let numbers: Vec<usize> =
                run.split([' ', 'h', 'v']).take(3).map(|number| number.parse().unwrap()).collect();
            dark[numbers[1] * size + numbers[0]..][..numbers[2]].fill(true);
        }
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(size * PIXELS, size * PIXELS, |x, y| {
            if dark[y / PIXELS * size + x / PIXELS] { 0 } else { 255 }
        });
        let [code] = &image.detect_grids()[..] else { panic!("not one code") };
        code.decode().unwrap().1
    }

    #[test]
    fn a_code_holds_the_link() {
        for bytes in [0, 100, 1_100, 1_600, MAX_BYTES - 22] {
            let link = format!("https://e.org/c#r=1{}", "aB-_09".repeat(bytes)[..bytes].to_owned());
            assert_eq!(scanned(&svg(&link).unwrap_or_else(|_| panic!("{bytes}"))), link);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(svg(&"a".repeat(MAX_BYTES)).is_ok());
        assert!(svg(&"a".repeat(MAX_BYTES + 1)).is_err());
    }
}
