//! The README's walk through the shop, as it is written there.

use std::process::Command;

use super::site::Site;
use crate::web::Framework;

const README: &str = include_str!("../../../../README.md");

/// The lines of the README from `SHOP=…` to the end of their block.
fn walk() -> &'static str {
    let start = README.find("SHOP=http://127.0.0.1:8080").unwrap();
    README[start..].split("```").next().unwrap()
}

#[tokio::test]
async fn walk_of_the_readme_goes_as_it_says() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        for _ in 0..4 {
            site.order().await;
        }
        let script = walk().replace("http://127.0.0.1:8080", &site.url);
        let run = move || Command::new("sh").args(["-euc", &script]).output();
        let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{framework:?} {errors}");
        // A body, if there is one, and the status; headers begin otherwise.
        let answers = told.lines().filter(|line| line.starts_with(['{', ' ']));
        let statuses: Vec<&str> = answers
            .clone()
            .filter_map(|it| it.split(' ').next_back())
            .collect();
        let expected = [
            "200", "200", "428", "200", "412", "404", "204", "404", "200", "200",
        ];
        assert_eq!(statuses, expected, "{framework:?} {told}");
        assert!(told.to_lowercase().contains("etag: \"1\""), "{told}");
        let trash = answers.clone().nth(8).unwrap();
        assert!(trash.contains("\"number\":\"A-100\""), "{trash}");
        let restored = answers.clone().nth(9).unwrap();
        assert!(restored.contains("\"total_cents\":1990"), "{restored}");
    }
}
