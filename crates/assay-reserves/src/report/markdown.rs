use super::SolvencyReport;
use super::text::{Block, Table, blocks, is_deceptive};

impl SolvencyReport {
    /// The report as Markdown with tables.
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        for block in blocks(self) {
            match block {
                Block::Title(text) => out.push_str(&format!("# {}\n", escape(&text))),
                Block::Heading(text) => out.push_str(&format!("## {text}\n")),
                Block::Paragraph(text) => out.push_str(&format!("{}\n", escape(&text))),
                Block::Verdict(text, _) => out.push_str(&format!("**{}**\n", escape(&text))),
                Block::Table(table) => write_table(&table, &mut out),
                Block::List(items) => {
                    for (code, text) in items {
                        out.push_str(&format!("* **{}**: {}\n", escape(&code), escape(&text)));
                    }
                }
            }
            out.push('\n');
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }
}

fn write_table(table: &Table, out: &mut String) {
    out.push_str(&format!("{}:\n\n|", escape(table.caption)));
    for column in table.columns {
        out.push_str(&format!(" {} |", escape(column)));
    }
    out.push_str("\n|");
    for at in 0..table.columns.len() {
        out.push_str(if at >= table.numbers_from { "---:|" } else { "---|" });
    }
    for row in &table.rows {
        out.push_str("\n|");
        for cell in row {
            out.push_str(&format!(" {} |", escape(cell)));
        }
    }
    out.push('\n');
}

/// Texts may come from files of the exchange, so nothing in them makes markup: all that Markdown or the HTML in it could
/// read is escaped, and line ends are spaces.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Viewers make links of whatever looks like one.
            ':' => out.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '@' => out.push_str("&#64;"),
            '.' if out.ends_with("www") => out.push_str("&#46;"),
            c if c.is_control() => out.push(' '),
            c if is_deceptive(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
