use crate::exchange::assay;

#[test]
fn at_least_100_bits_are_proven() {
    let json = assay(["circuit", "--json"]).is(0).json();
    assert!(json["proven_bits"].as_f64().unwrap() >= 100.0);
    assert_eq!(json["circuit"].as_str().unwrap().len(), 64);
    assert_eq!(json["tables"].as_array().unwrap().len(), 6);
    let text = assay(["circuit"]).is(0).stdout;
    assert!(text.contains(json["circuit"].as_str().unwrap()));
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = assay(["completions", shell]).is(0).stdout;
        assert!(script.contains("verify-receipt"), "{shell}");
        let json = assay(["completions", shell, "--json"]).is(0).json();
        assert_eq!(json["script"].as_str().unwrap(), script);
    }
}
