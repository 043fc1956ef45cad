use super::SolvencyReport;
use super::text::{Block, Table, blocks, is_deceptive};

/// Colours follow the reader's setting; text has a contrast of 7 to 1 or more in both.
const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1b1b1b;--page:#fff;--line:#767676;--good:#0b5a1e;--bad:#8f0f0f}\
@media(prefers-color-scheme:dark){:root{--text:#ececec;--page:#121212;--line:#8d8d8d;--good:#8fe0a2;--bad:#ffb0a8}}\
body{margin:0 auto;padding:1rem;max-width:75rem;font:1rem/1.5 system-ui,sans-serif;color:var(--text);background:var(--page)}\
.scroll{overflow-x:auto}\
table{border-collapse:collapse;margin:1rem 0}\
caption{text-align:left;font-weight:600;padding:.3rem 0}\
th,td{border:1px solid var(--line);padding:.25rem .6rem;text-align:left;vertical-align:top}\
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
.verdict{font-weight:600;border-left:.4rem solid;padding-left:.6rem}\
.good{color:var(--good)}.bad{color:var(--bad)}";

impl SolvencyReport {
    /// The report as one HTML page that loads nothing and runs nothing.
    pub fn to_html(&self) -> String {
        let blocks = blocks(self);
        let title = blocks.iter().find_map(|block| match block {
            Block::Title(title) => Some(escape(title)),
            _ => None,
        });
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
            title.unwrap_or_default()
        );
        for block in blocks {
            match block {
                Block::Title(text) => out.push_str(&format!("<h1>{}</h1>\n", escape(&text))),
                Block::Heading(text) => out.push_str(&format!("<h2>{}</h2>\n", escape(text))),
                Block::Paragraph(text) => out.push_str(&format!("<p>{}</p>\n", escape(&text))),
                Block::Verdict(text, good) => {
                    let class = if good { "good" } else { "bad" };
                    out.push_str(&format!("<p class=\"verdict {class}\">{}</p>\n", escape(&text)));
                }
                Block::Table(table) => write_table(&table, &mut out),
                Block::List(items) => {
                    out.push_str("<ul>\n");
                    for (code, text) in items {
                        out.push_str(&format!(
                            "<li><code>{}</code>: {}</li>\n",
                            escape(&code),
                            escape(&text)
                        ));
                    }
                    out.push_str("</ul>\n");
                }
            }
        }
        out.push_str("</main>\n</body>\n</html>\n");
        out
    }
}

fn write_table(table: &Table, out: &mut String) {
    // A region that scrolls must be reachable by keyboard and have a name.
    let caption = escape(table.caption);
    out.push_str(&format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\n\
         <table>\n<caption>{caption}</caption>\n<thead><tr>"
    ));
    let class = |at: usize| if at >= table.numbers_from { " class=\"number\"" } else { "" };
    for (at, column) in table.columns.iter().enumerate() {
        out.push_str(&format!("<th scope=\"col\"{}>{}</th>", class(at), escape(column)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            if at == 0 {
                out.push_str(&format!("<th scope=\"row\">{cell}</th>"));
            } else {
                out.push_str(&format!("<td{}>{cell}</td>", class(at)));
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

/// Texts may come from files of the exchange: everything that could end a text or an attribute is escaped, and what
/// would show another text than there is is replaced.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_deceptive(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
