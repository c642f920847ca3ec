//! What stands between this side and a VPS.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::impostor::Impostor;

/// The port of every container's door.
pub(super) const CONTAINER_PORT: u16 = 2222;

/// Who is met by the next one who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// The machine itself, if there is one.
    Real,
    /// The same, but what it signs arrives changed: it shows its key and cannot prove that it has it.
    Forged,
    Impostor,
}

/// A man in the middle: an address with the two doors of a host, behind which stands the machine itself
/// or an impostor, as it is told. It writes down how everybody begins.
pub(super) struct Relay {
    address: Ipv4Addr,
    vps: Arc<Door>,
    container: Arc<Door>,
}

/// More than a key exchange takes.
const LOOKED_AT: usize = 16 * 1024;

impl Relay {
    pub(super) async fn before(impostor: &Impostor) -> Self {
        loop {
            let [.., b, c, d] = rand_address();
            let address = Ipv4Addr::new(127, b, c, d);
            // Taken by another test, perhaps.
            if let Ok(container) = TcpListener::bind((address, CONTAINER_PORT)).await {
                let vps = TcpListener::bind((address, 0)).await.expect("a port");
                return Self {
                    address,
                    vps: Door::open(vps, 22, impostor.door()),
                    container: Door::open(container, CONTAINER_PORT, impostor.door()),
                };
            }
        }
    }

    /// The machine that stands behind it from now on.
    pub(super) fn stand_before(&self, real: IpAddr) {
        for door in [&self.vps, &self.container] {
            door.state().real = Some(real);
        }
    }

    pub(super) fn address(&self) -> IpAddr {
        self.address.into()
    }

    /// The door of the VPS.
    pub(super) fn vps(&self) -> &Door {
        &self.vps
    }

    /// The door of the container.
    pub(super) fn container(&self) -> &Door {
        &self.container
    }

    pub(super) fn route(&self, route: Route) {
        self.vps.route(route);
        self.container.route(route);
    }

    /// Breaks every connection that there is.
    pub(super) fn cut(&self) {
        self.vps.cut.send_modify(|cuts| *cuts += 1);
        self.container.cut.send_modify(|cuts| *cuts += 1);
    }
}

const UNPOISONED: &str = "nobody panics while holding it";

fn rand_address() -> [u8; 4] {
    let mut bytes = [0; 4];
    let random = std::fs::File::open("/dev/urandom").expect("there");
    std::io::Read::read_exact(&mut &random, &mut bytes).expect("endless");
    bytes.map(|byte| byte.clamp(1, 254))
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Relay");
        fields
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// One port.
pub(super) struct Door {
    port: u16,
    state: Mutex<State>,
    passed: AtomicUsize,
    cut: watch::Sender<usize>,
    /// What each has said, as far as it is looked at.
    heard: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
}

struct State {
    real: Option<IpAddr>,
    route: Route,
    /// The route from the moment on at which the next one has said something.
    then: Option<Route>,
    /// How much may still go to the machine before the connection breaks and the impostor steps in.
    budget: Option<usize>,
}

impl Door {
    fn open(listener: TcpListener, behind: u16, impostor: SocketAddr) -> Arc<Self> {
        let door = Arc::new(Self {
            port: listener.local_addr().expect("bound").port(),
            state: Mutex::new(State {
                real: None,
                route: Route::Real,
                then: None,
                budget: None,
            }),
            passed: AtomicUsize::new(0),
            cut: watch::Sender::new(0),
            heard: Mutex::default(),
        });
        let opened = Arc::clone(&door);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let door = Arc::clone(&door);
                tokio::spawn(async move { door.connect(client, behind, impostor).await });
            }
        });
        opened
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How many have said something to the machine itself.
    pub(super) fn passed(&self) -> usize {
        self.passed.load(SeqCst)
    }

    pub(super) fn route(&self, route: Route) {
        let mut state = self.state();
        (state.route, state.then, state.budget) = (route, None, None);
    }

    /// One for the next who says something, another one for all behind him.
    pub(super) fn route_once(&self, first: Route, then: Route) {
        self.route(first);
        self.state().then = Some(then);
    }

    /// After so many more bytes for the machine the connection breaks, and whoever comes then meets the impostor.
    pub(super) fn break_after(&self, bytes: usize) {
        self.state().budget = Some(bytes);
    }

    /// What was said by all who came, but for the first so many of them: the types of their SSH messages up to the
    /// one with which they begin to encrypt. Who only came to see who greets said nothing.
    pub(super) fn heard(&self, but: usize) -> Vec<Vec<u8>> {
        let heard = self.heard.lock().expect(UNPOISONED);
        let said = heard.iter().skip(but);
        said.map(|said| message_types(&said.lock().expect(UNPOISONED)))
            .filter(|types| !types.is_empty())
            .collect()
    }

    /// How many have come.
    pub(super) fn visits(&self) -> usize {
        self.heard.lock().expect(UNPOISONED).len()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    async fn connect(&self, client: TcpStream, behind: u16, impostor: SocketAddr) {
        let mut cut = self.cut.subscribe();
        let (route, real) = {
            let state = self.state();
            (state.route, state.real)
        };
        let target = match route {
            Route::Impostor => Some(impostor),
            Route::Real | Route::Forged => real.map(|real| (real, behind).into()),
        };
        // As of a machine whose sshd does not run yet.
        let Some(target) = target else { return };
        let Ok(server) = TcpStream::connect(target).await else {
            return;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let heard = Arc::default();
        self.heard
            .lock()
            .expect(UNPOISONED)
            .push(Arc::clone(&heard));
        tokio::select! {
            () = self.there(route, from_client, to_server, &heard) => {}
            () = back(route, from_server, to_client) => {}
            _ = cut.changed() => {}
        }
    }

    /// Until the client has nothing more to say, or may not say more.
    async fn there(
        &self,
        route: Route,
        mut client: OwnedReadHalf,
        mut server: OwnedWriteHalf,
        heard: &Mutex<Vec<u8>>,
    ) {
        let mut buffer = vec![0; 64 * 1024];
        let mut silent = true;
        loop {
            let read = client.read(&mut buffer).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            if std::mem::take(&mut silent) {
                let mut state = self.state();
                if let Some(then) = state.then.take() {
                    state.route = then;
                }
                if route != Route::Impostor {
                    self.passed.fetch_add(1, SeqCst);
                }
            }
            {
                let mut heard = heard.lock().expect(UNPOISONED);
                let room = LOOKED_AT.saturating_sub(heard.len());
                heard.extend_from_slice(&buffer[..read.min(room)]);
            }
            if route != Route::Impostor && self.is_used_up_by(read) {
                return;
            }
            if server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    }

    fn is_used_up_by(&self, bytes: usize) -> bool {
        let mut state = self.state();
        let Some(budget) = state.budget else {
            return false;
        };
        state.budget = budget.checked_sub(bytes);
        let used_up = state.budget.is_none();
        if used_up {
            state.route = Route::Impostor;
        }
        used_up
    }
}

async fn back(route: Route, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) {
    if route == Route::Forged && forge(&mut server, &mut client).await.is_err() {
        return;
    }
    let _ = tokio::io::copy(&mut server, &mut client).await;
}

/// The answer to a key exchange with elliptic curves: host key, its half of the exchange, signature.
const ECDH_REPLY: u8 = 31;

/// Passes on what a server says in the clear, up to its signature, which arrives with one bit changed.
async fn forge(server: &mut OwnedReadHalf, client: &mut OwnedWriteHalf) -> std::io::Result<()> {
    let mut byte = [0];
    while byte != *b"\n" {
        server.read_exact(&mut byte).await?;
        client.write_all(&byte).await?;
    }
    loop {
        let mut packet = vec![0; 4];
        server.read_exact(&mut packet).await?;
        let length = u32::from_be_bytes([packet[0], packet[1], packet[2], packet[3]]) as usize;
        packet.resize(4 + length, 0);
        server.read_exact(&mut packet[4..]).await?;
        let is_reply = packet[5] == ECDH_REPLY;
        if is_reply {
            let padding = usize::from(packet[4]);
            packet[4 + length - padding - 1] ^= 1;
        }
        client.write_all(&packet).await?;
        if is_reply {
            return Ok(());
        }
    }
}

/// What begins encryption.
pub(super) const NEW_KEYS: u8 = 21;

/// The types of the messages of an SSH client behind its greeting, as long as they are in the clear.
fn message_types(said: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    let end = said.iter().position(|byte| *byte == b'\n');
    let mut rest = end.map_or(&[][..], |end| &said[end + 1..]);
    while let [a, b, c, d, _padding, kind, ..] = *rest {
        types.push(kind);
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        rest = rest.get(4 + length..).unwrap_or_default();
        if kind == NEW_KEYS {
            break;
        }
    }
    types
}
