use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use assay_reserves::{MAX_REPORT_BYTES, SolvencyReport};
use assay_site::{CheckPage, Expected, MAX_MODULE_BYTES, MAX_REQUEST_BYTES, SiteEpoch, respond};
use assay_verifier::{MAX_PROOF_BYTES, MAX_TOTALS_BYTES};
use serde_json::json;

use crate::arguments::{Site, SiteBuild, SiteInput, SitePage, SiteServe};
use crate::commands::report::write_public;
use crate::commands::{Voice, read_capped};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Site, voice: Voice) -> Result<(), Failure> {
    match arguments {
        Site::Page(arguments) => page(arguments, voice),
        Site::Build(arguments) => build(arguments, voice),
        Site::Serve(arguments) => serve(arguments, voice),
    }
}

/// The files of the site.
fn files_of(input: &SiteInput) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let module = input.verifier.as_deref().map(|path| read_capped(path, MAX_MODULE_BYTES)).transpose()?;
    let page = module.as_deref().map(CheckPage::new).transpose().map_err(Failure::unreadable)?;
    let epochs = input.reports.iter().map(|path| epoch_at(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(assay_site::Site::new(epochs, page)?.files())
}

/// A report with the totals and the proof beside it, or one folder up.
fn epoch_at(path: &Path) -> Result<SiteEpoch, Failure> {
    let path = if path.is_dir() { path.join("report.json") } else { path.to_owned() };
    let report = read_capped(&path, MAX_REPORT_BYTES)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folders = [folder.to_owned(), folder.join("..")];
    let beside = |name: &str, most: usize| {
        let found = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
        found.map(|path| read_capped(&path, most)).transpose()
    };
    let totals = beside("totals.json", MAX_TOTALS_BYTES)?;
    let proof = beside("proof.assay", MAX_PROOF_BYTES)?;
    SiteEpoch::new(&report, totals.as_deref(), proof.as_deref()).map_err(|error| {
        let failure = Failure::from(error);
        failure.about(&path)
    })
}

fn build(arguments: &SiteBuild, voice: Voice) -> Result<(), Failure> {
    let out = &arguments.out;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Failure::file(&path, &error)
    };
    let taken = match fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed(out)(error)),
    };
    if taken {
        return Err(Failure::usage(format_args!("{} is not empty; choose another --out", out.display())));
    }
    let files = files_of(&arguments.input)?;
    // The site is made beside its place and put there as a whole.
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(failed(parent))?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
    let partial = builder.tempdir_in(parent).map_err(failed(parent))?;
    for (name, bytes) in &files {
        let path = partial.path().join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed(folder))?;
        }
        let mut file = fs::File::create(&path).map_err(failed(&path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed(&path))?;
    }
    if out.exists() {
        fs::remove_dir(out).map_err(failed(out))?;
    }
    fs::rename(partial.path(), out).map_err(failed(out))?;
    let _ = partial.keep();
    let bytes: usize = files.values().map(Vec::len).sum();
    if voice.json {
        println!("{}", json!({"version": 1, "ok": true, "site": out, "files": files.len(), "bytes": bytes}));
    } else {
        println!("site      {} files in {}", files.len(), out.display());
    }
    Ok(())
}

/// Connections at once.
const MAX_CONNECTIONS: usize = 64;

fn serve(arguments: &SiteServe, voice: Voice) -> Result<(), Failure> {
    let files = Arc::new(files_of(&arguments.input)?);
    // Nobody but this machine: to the world, a site is served by a real server.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))
        .and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (address, listener) = listener.map_err(|error| Failure::file(Path::new("127.0.0.1"), &error))?;
    if voice.json {
        println!("{}", json!({"version": 1, "ok": true, "address": format!("http://{address}/")}));
    } else {
        println!("site      http://{address}/");
    }
    let busy = Arc::new(AtomicUsize::new(0));
    for connection in listener.incoming() {
        let Ok(connection) = connection else { continue };
        if busy.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
            busy.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (files, busy) = (Arc::clone(&files), Arc::clone(&busy));
        std::thread::spawn(move || {
            // A browser that goes away is no failure of ours.
            let _ = answer(connection, &files);
            busy.fetch_sub(1, Ordering::SeqCst);
        });
    }
    Ok(())
}

fn answer(mut connection: TcpStream, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    const PATIENCE: Duration = Duration::from_secs(5);
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < MAX_REQUEST_BYTES {
        match connection.read(&mut piece)? {
            0 => break,
            read => request.extend(piece.iter().take(read)),
        }
    }
    let (head, body) = respond(&String::from_utf8_lossy(&request), files);
    connection.write_all(head.as_bytes())?;
    connection.write_all(body)?;
    connection.shutdown(std::net::Shutdown::Write)
}

fn page(arguments: &SitePage, voice: Voice) -> Result<(), Failure> {
    let module = read_capped(&arguments.verifier, MAX_MODULE_BYTES)?;
    let page = CheckPage::new(&module).map_err(Failure::unreadable)?;
    let read = |path: &Option<std::path::PathBuf>, most: usize| {
        path.as_deref().map(|path: &Path| read_capped(path, most)).transpose()
    };
    let report = read(&arguments.report, MAX_REPORT_BYTES)?;
    let proof = read(&arguments.proof, MAX_PROOF_BYTES)?;
    let totals = read(&arguments.totals, MAX_TOTALS_BYTES)?;
    let expected = report.as_deref().map(expected_of).transpose()?;
    let files: Vec<(&str, &[u8])> = [("report", &report), ("proof", &proof), ("totals", &totals)]
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, bytes.as_deref()?)))
        .collect();
    write_public(&arguments.out, page.offline(expected.as_ref(), &files).as_bytes())?;
    if voice.json {
        println!(
            "{}",
            json!({"version": 1, "ok": true, "page": arguments.out, "module_sha256": page.module_digest()})
        );
    } else {
        println!("page      {}", arguments.out.display());
        println!("verifier  SHA-256 {}", page.module_digest());
    }
    Ok(())
}

/// What a page for the epoch of this report is to expect.
fn expected_of(report: &[u8]) -> Result<Expected, Failure> {
    let report = SolvencyReport::from_json(report)?;
    Ok(Expected {
        entity: report.entity,
        epoch: report.epoch,
        time: report.time,
        root: report.root,
        asset_table: report
            .liabilities
            .asset_table
            .ok_or_else(|| Failure::unreadable("the report names no asset table, so nothing was proven"))?,
    })
}
