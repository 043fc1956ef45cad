use std::fs;

use crate::exchange::{Exchange, answer, arguments, assay, command, uid};

#[test]
fn a_container_gives_what_the_work_folder_gives() {
    let exchange = Exchange::generate(300, "csv", &[]);
    exchange.prove().is(0);
    let (key, container) = (exchange.path("key"), exchange.path("receipts.assay"));
    assay(arguments!["secret", &key]).is(0);
    let run = arguments!["--work", &exchange.work, "--totals", &exchange.totals];
    let export = |key: &std::path::Path| {
        answer(
            command()
                .args(["receipts", "export"])
                .args(&run)
                .arg("--key")
                .arg(key)
                .arg("--out")
                .arg(&container)
                .arg("--json"),
        )
    };
    let said = export(&key).is(0).json();
    assert_eq!(said["count"], 300);
    assert_eq!(said["bytes"], fs::metadata(&container).unwrap().len());
    #[cfg(unix)]
    assert_eq!(crate::exchange::mode(&container), 0o600);
    let bytes = fs::read(&container).unwrap();
    let known = b"@example.org";
    assert!(!bytes.windows(known.len()).any(|window| window == known), "it shows uids");

    let get = |key: &std::path::Path, entity: &str, uid: &str| {
        answer(
            command()
                .args(["receipts", "get"])
                .arg(&container)
                .arg("--key")
                .arg(key)
                .args(["--entity", entity, "--uid", uid]),
        )
    };
    for number in [0, 1, 150, 299] {
        let served = get(&key, "exchange.example", &uid(number)).is(0).json();
        assert_eq!(served, answer(&mut exchange.receipt(&uid(number))).is(0).json());
    }
    let code = exchange.path("receipt.svg");
    let run = arguments![
        "receipts",
        "get",
        &container,
        "--key",
        &key,
        "--entity",
        "exchange.example",
        "--uid",
        uid(150)
    ];
    let page = ["--link", "https://site.example/check.html"];
    let link = answer(command().args(&run).args(page)).is(0).stdout;
    assert_eq!(link, answer(exchange.receipt(&uid(150)).args(page)).is(0).stdout);
    answer(command().args(&run).args(page).arg("--qr").arg(&code)).is(0);
    let svg = std::fs::read_to_string(&code).unwrap();
    answer(exchange.receipt(&uid(150)).args(page).arg("--qr").arg(&code)).is(0);
    assert_eq!(std::fs::read_to_string(&code).unwrap(), svg);
    let absent = get(&key, "exchange.example", "stranger@example.org").is(1);
    assert!(absent.stdout.is_empty() && !absent.stderr.contains("stranger"));
    get(&key, "other.example", &uid(0)).is(1);
    get(&exchange.secret, "exchange.example", &uid(0)).is(1);
    get(&exchange.path("missing"), "exchange.example", &uid(0)).is(4);

    let mut changed = bytes.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    fs::write(&container, &changed).unwrap();
    get(&key, "exchange.example", &uid(0)).is(1);
    fs::write(&container, &bytes[..last]).unwrap();
    get(&key, "exchange.example", &uid(0)).is(1);
    fs::write(&container, "junk").unwrap();
    get(&key, "exchange.example", &uid(0)).is(3);

    // What is killed leaves the whole file or none under the container's name.
    for delay in [0, 5, 20, 60] {
        fs::remove_file(&container).unwrap();
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["receipts", "export", "--quiet"])
            .args(&run)
            .arg("--key")
            .arg(&key)
            .arg("--out")
            .arg(&container)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        if container.exists() {
            get(&key, "exchange.example", &uid(0)).is(0);
        }
        for entry in fs::read_dir(exchange.folder.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with(".assay-") && name.ends_with(".partial") {
                let left = exchange.path(&name);
                #[cfg(unix)]
                assert_eq!(crate::exchange::mode(&left), 0o600);
                fs::remove_file(left).unwrap();
            } else {
                assert!(!name.starts_with('.'), "{name}");
            }
        }
        fs::write(&container, "junk").unwrap();
    }

    // What fails leaves the file that is there, and no other.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let before = fs::read_dir(exchange.folder.path()).unwrap().count();
        export(&key).is(3);
        assert_eq!(fs::read_to_string(&container).unwrap(), "junk");
        assert_eq!(fs::read_dir(exchange.folder.path()).unwrap().count(), before);
    }
}
