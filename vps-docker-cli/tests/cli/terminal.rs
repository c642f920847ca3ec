//! The program on a terminal: a screen that is read as a person reads it.

use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};

use crate::support::{Guard, User, unique};

const PATIENCE: Duration = Duration::from_secs(120);

/// A program on a terminal of its own.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    child: Child,
}

struct Screen {
    parser: vt100::Parser,
    /// Everything that was ever on it.
    seen: String,
    ended: bool,
}

impl Terminal {
    pub(crate) fn start(user: &User, words: &[&str], (rows, columns): (u16, u16)) -> Self {
        let (pty, pts) = open().expect("a terminal");
        pty.resize(Size::new(rows, columns)).expect("it has a size");
        let child = Command::new(env!("CARGO_BIN_EXE_vps-docker"))
            .args(words)
            .env_clear()
            .envs(user.environment())
            .env("TERM", "xterm-256color")
            .current_dir(user.home())
            .spawn(pts)
            .expect("it starts");
        let pty = Arc::new(pty);
        let screen = Screen {
            parser: vt100::Parser::new(rows, columns, 1000),
            seen: String::new(),
            ended: false,
        };
        let screen = Arc::new((Mutex::new(screen), Condvar::new()));
        let terminal = Self { pty, screen, child };
        terminal.watch();
        terminal
    }

    /// Draws what the program prints.
    fn watch(&self) {
        let (pty, screen) = (Arc::clone(&self.pty), Arc::clone(&self.screen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // A terminal that nobody has open any more is an error to read.
                let count = (&*pty).read(&mut buffer).unwrap_or(0);
                let mut drawn = screen.0.lock().expect("no test panics with it");
                drawn.parser.process(&buffer[..count]);
                let text = drawn.parser.screen().contents();
                drawn.seen.push_str(&text);
                drawn.ended = count == 0;
                screen.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
    }

    /// Waits until `text` stands on the screen, or stood on it.
    pub(crate) fn shows(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut screen = self.screen.0.lock().expect("no test panics with it");
        loop {
            let now = screen.parser.screen().contents();
            if now.contains(text) || screen.seen.contains(text) {
                return now;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !screen.ended && !left.is_zero(),
                "no {text:?} on the screen:\n{now}"
            );
            screen = self
                .screen
                .1
                .wait_timeout(screen, left)
                .expect("no test panics with it")
                .0;
        }
    }

    /// What is typed from here on is looked for on a screen that has shown nothing.
    pub(crate) fn types(&self, text: &str) {
        self.screen
            .0
            .lock()
            .expect("no test panics with it")
            .seen
            .clear();
        (&*self.pty).write_all(text.as_bytes()).expect("typed");
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.pty
            .resize(Size::new(rows, columns))
            .expect("it has a size");
        let mut screen = self.screen.0.lock().expect("no test panics with it");
        screen.parser.screen_mut().set_size(rows, columns);
    }

    /// Its exit code and its last screen.
    pub(crate) fn ends(mut self) -> (i32, String) {
        let status = self.child.wait().expect("it ends");
        let until = Instant::now() + PATIENCE;
        let mut screen = self.screen.0.lock().expect("no test panics with it");
        while !screen.ended && Instant::now() < until {
            screen = self
                .screen
                .1
                .wait_timeout(screen, PATIENCE)
                .expect("no test panics with it")
                .0;
        }
        (
            status.code().unwrap_or(-1),
            screen.parser.screen().contents(),
        )
    }
}

/// One host for all of it.
#[test]
fn vps_progress_a_shell_and_a_question() {
    let user = User::new();
    let name = unique("term");
    let name = name.as_str();
    let _guard = Guard(&user, vec![name.to_owned()]);
    let create = Terminal::start(&user, &["create", name, "-p", "local"], (40, 80));
    create.shows("to go");
    create.shows("✔ boot");
    create.shows("✔ record");
    let (code, screen) = create.ends();
    println!("{screen}");
    assert_eq!(code, 0, "{screen}");
    for text in ["ready", "state      running", "vps-docker ssh cli-term"] {
        assert!(screen.contains(text), "no {text:?} in:\n{screen}");
    }
    assert!(
        !screen.contains("to go"),
        "the bar is gone at the end:\n{screen}"
    );

    let shell = Terminal::start(&user, &["ssh", name], (24, 80));
    shell.shows(&format!("root@{name}"));
    shell.types("echo $((6 * 7))\r");
    shell.shows("\n42\n");
    shell.resize(30, 100);
    shell.types("stty size\r");
    shell.shows("\n30 100\n");
    shell.types("echo now $((40 + 2)); cat\r");
    shell.shows("\nnow 42");
    shell.types("typed\r");
    // Once by the terminal, once by cat.
    shell.shows("\ntyped\ntyped");
    shell.types("\u{3}");
    shell.shows(&format!("^C\nroot@{name}"));
    shell.types("echo still $((40 + 2))\r");
    shell.shows("\nstill 42\n");
    shell.types("exit 7\r");
    assert_eq!(shell.ends().0, 7);

    let list = Terminal::start(&user, &["ls", "-p", "local"], (200, 120));
    let (code, screen) = list.ends();
    println!("{screen}");
    assert!(code == 0 && screen.contains("cli-term"), "{screen}");

    let destroy = Terminal::start(&user, &["destroy", name], (24, 80));
    destroy.shows("cannot be undone. [y/N]");
    destroy.types("n\r");
    let (code, screen) = destroy.ends();
    assert!(
        code == 1 && screen.contains("nothing was changed"),
        "{screen}"
    );
    let destroy = Terminal::start(&user, &["destroy", name], (24, 80));
    destroy.shows("[y/N]");
    destroy.types("y\r");
    let (code, screen) = destroy.ends();
    assert!(code == 0 && screen.contains("is destroyed"), "{screen}");
}

/// What was begun is taken back, and that is said.
#[test]
fn vps_ctrl_c_takes_a_create_back() {
    let user = User::new();
    let name = unique("stop");
    let name = name.as_str();
    let _guard = Guard(&user, vec![name.to_owned()]);
    let create = Terminal::start(&user, &["create", name, "-p", "local"], (40, 120));
    create.shows("✔ order");
    create.types("\u{3}");
    create.shows("is taken back");
    create.shows("what was made is removed");
    let (code, screen) = create.ends();
    assert!(
        code == 1 && screen.contains("cancelled"),
        "{code}\n{screen}"
    );
    let gone = user.fails(&["inspect", "-p", "local", name]);
    assert_eq!(gone.0, 3);
    assert_eq!(
        user.document(&["gc", "--dry-run", "-p", "local"])
            .as_array()
            .map(Vec::len),
        Some(0)
    );
}
