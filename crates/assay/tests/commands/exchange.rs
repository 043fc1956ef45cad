//! An exchange that works with the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// Who and when, as most tests have it.
pub(crate) const SNAPSHOT: [&str; 6] =
    ["--entity", "exchange.example", "--epoch", "2026-q3", "--time", "2026-09-30T00:00:00Z"];

/// Memory that allows the smallest segments only.
pub(crate) const MEMORY: [&str; 2] = ["--memory", "420M"];

/// Accounts of the finished run.
pub(crate) const ACCOUNTS: u32 = 18_000;

/// What a command said and how it ended.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The one JSON object that standard output has.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let mut values = serde_json::Deserializer::from_str(&self.stdout).into_iter();
        let value: Value = values.next().expect("nothing on standard output").expect("no JSON");
        assert!(value.is_object() && values.next().is_none(), "not one object: {}", self.stdout);
        value
    }
}

/// A command line that depends on nothing around it.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.env("COLUMNS", "100").env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
    command
}

pub(crate) fn assay<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Answer {
    answer(command().args(arguments))
}

pub(crate) fn answer(command: &mut Command) -> Answer {
    let output = command.output().unwrap();
    Answer {
        code: output.status.code().expect("killed"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Arguments of different kinds of text in one list.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => {
        [$(std::ffi::OsString::from($argument)),*]
    };
}
pub(crate) use arguments;

/// A folder with a ledger, a secret and results.
pub(crate) struct Exchange {
    pub(crate) ledger: PathBuf,
    pub(crate) assets: PathBuf,
    pub(crate) secret: PathBuf,
    pub(crate) out: PathBuf,
    pub(crate) bundle: PathBuf,
    pub(crate) totals: PathBuf,
    pub(crate) work: PathBuf,
    pub(crate) folder: TempDir,
}

impl Exchange {
    /// With a generated ledger of these accounts.
    pub(crate) fn generate(accounts: u32, format: &str, more: &[&str]) -> Self {
        let exchange = Self::empty();
        let mut arguments =
            vec!["generate", "--assets", "12", "--positions", "2", "--debt", "0.05", "--json"];
        let accounts = accounts.to_string();
        arguments.extend(["--accounts", &accounts, "--format", format]);
        arguments.extend(more);
        let made = answer(command().args(arguments).arg("--out").arg(exchange.path("made"))).is(0).json();
        Self {
            ledger: made["ledger"].as_str().unwrap().into(),
            assets: made["assets"].as_str().unwrap().into(),
            ..exchange
        }
    }

    /// With these rows of a long CSV file and the assets BTC and ETH of two decimals, both of price 1 and good for loans.
    pub(crate) fn with_rows(rows: &str) -> Self {
        let exchange = Self::empty();
        fs::write(&exchange.ledger, format!("uid,asset,kind,amount\n{rows}")).unwrap();
        let asset = |symbol: &str| {
            let tiers = "[{ kind = \"collateral_loan\", tiers = [{ up_to = 1000000, percent = 100 }] }]";
            format!("\n[[asset]]\nsymbol = \"{symbol}\"\ndecimals = 2\nprice = \"1\"\nhaircuts = {tiers}\n")
        };
        fs::write(&exchange.assets, format!("version = 1\n{}{}", asset("BTC"), asset("ETH"))).unwrap();
        exchange
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let secret = folder.path().join("secret");
        assay(arguments!["secret", &secret]).is(0);
        let out = folder.path().join("out");
        Self {
            ledger: folder.path().join("ledger.csv"),
            assets: folder.path().join("assets.toml"),
            secret,
            bundle: out.join("bundle.assay"),
            totals: out.join("totals.json"),
            work: out.join("work"),
            out,
            folder,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `assay prove` into a folder, without options that say who and when.
    pub(crate) fn prove_into(&self, out: &Path) -> Command {
        let mut command = command();
        command.arg("prove").arg(&self.ledger).arg("--assets").arg(&self.assets);
        command.arg("--secret").arg(&self.secret).arg("--out").arg(out).args(MEMORY);
        // Most of what is tested here ends with the segments.
        command.arg("--no-proof");
        command
    }

    pub(crate) fn prove(&self) -> Answer {
        answer(self.prove_into(&self.out).args(SNAPSHOT).arg("--json"))
    }

    /// `assay verify` with the asset table.
    pub(crate) fn verify(&self, bundle: &Path) -> Command {
        let mut command = command();
        command.arg("verify").arg(bundle).arg("--assets").arg(&self.assets).args(SNAPSHOT);
        command
    }

    pub(crate) fn receipt(&self, uid: &str) -> Command {
        let mut command = command();
        command
            .args(["receipt", "--uid", uid])
            .arg("--work")
            .arg(&self.work)
            .arg("--totals")
            .arg(&self.totals);
        command
    }

    /// `assay verify-receipt` with the totals file.
    pub(crate) fn verify_receipt(&self, receipt: &Path, uid: &str, root: &str) -> Command {
        let mut command = command();
        command.arg("verify-receipt").arg(receipt).args(["--uid", uid, "--root", root]);
        command.args(["--entity", "exchange.example"]).arg("--totals").arg(&self.totals);
        command
    }
}

/// An exchange with a finished run of five segments, which stays as it is.
pub(crate) struct Finished {
    pub(crate) exchange: Exchange,
    pub(crate) root: String,
    pub(crate) segments: u64,
}

pub(crate) static FINISHED: LazyLock<Finished> = LazyLock::new(|| {
    let exchange = Exchange::generate(ACCOUNTS, "csv", &[]);
    let outcome = exchange.prove().is(0).json();
    Finished {
        root: outcome["root"].as_str().unwrap().to_owned(),
        segments: outcome["segments"].as_u64().unwrap(),
        exchange,
    }
});

/// The uid of a generated account.
pub(crate) fn uid(number: u32) -> String {
    format!("u{number:09}@example.org")
}

/// 64 hex digits that are another digest.
pub(crate) fn another(root: &str) -> String {
    let digit = if root.starts_with('0') { "1" } else { "0" };
    format!("{digit}{}", &root[1..])
}

/// A changed copy of a file beside it.
pub(crate) fn changed(path: &Path, folder: &TempDir, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    let copy = folder.path().join(path.file_name().unwrap());
    fs::write(&copy, bytes).unwrap();
    copy
}

#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
