//! The state folder: who may open it, what is made in it, and what is refused.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use smsotpd::ids::ModemName;
use smsotpd::secret::ApiKey;
use smsotpd::store::{KeyError, NewApp, Scope, Store, StoreError};

use crate::world::{World, alice, app};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

pub(crate) fn new_app(store: &Store, key: &str) -> NewApp {
    NewApp {
        name: app(),
        scopes: vec![Scope::Issue, Scope::Verify],
        policy: "default".to_owned(),
        key: store.site_key().key_digest(&ApiKey::new(key.to_owned())),
    }
}

#[tokio::test]
async fn everything_in_the_folder_is_its_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    let store = Store::open(&folder, None).await.unwrap();
    assert_eq!(mode(&folder), 0o700);
    for file in ["smsotpd.db", "smsotpd.db-wal", "smsotpd.db-shm", "key", "lock"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_folder_or_a_database_that_others_may_use_is_refused_with_the_cure() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    Store::open(&folder, None).await.unwrap().close().await;
    let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let database = folder.join("smsotpd.db");
    for (path, bad, good, command) in
        [(&folder, [0o777, 0o702], 0o775, "chmod o-w "), (&database, [0o666, 0o640], 0o600, "chmod 600 ")]
    {
        for mode in bad {
            set(path, mode);
            let error = Store::open(&folder, None).await.unwrap_err();
            assert!(matches!(&error, StoreError::Exposed { path: named, .. } if named == path), "{error}");
            assert!(error.to_string().ends_with(&format!("{command}{}", path.display())), "{error}");
        }
        set(path, good);
        Store::open(&folder, None).await.unwrap().close().await;
    }
}

#[tokio::test]
async fn a_second_daemon_is_refused_until_the_first_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let first = Store::open(folder.path(), None).await.unwrap();
    let refused = Store::open(folder.path(), None).await.unwrap_err();
    assert_eq!(refused, StoreError::InUse(folder.path().to_owned()));
    first.close().await;
    Store::open(folder.path(), None).await.unwrap();
}

#[tokio::test]
async fn an_app_made_beside_the_daemon_is_seen_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Store::open(folder.path(), None).await.unwrap();
    let command = Store::open_beside(folder.path()).await.unwrap();
    command.create_app(new_app(&command, "secret")).await.unwrap();
    assert_eq!(command.create_app(new_app(&command, "other")).await, Err(StoreError::Exists));
    command.close().await;
    let found = daemon.app_by_key(new_app(&daemon, "secret").key).await.unwrap().unwrap();
    assert_eq!((found.name, found.scopes), (app(), vec![Scope::Issue, Scope::Verify]));
}

#[tokio::test]
async fn an_app_made_before_the_first_start_is_there_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let command = Store::open_beside(folder.path()).await.unwrap();
    command.create_app(new_app(&command, "secret")).await.unwrap();
    command.close().await;
    let daemon = Store::open(folder.path(), None).await.unwrap();
    assert_eq!(daemon.apps().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_rotated_key_stops_working_and_a_removed_app_is_gone() {
    let world = World::new().await;
    let store = &world.store;
    let (old, new) = (new_app(store, "old"), new_app(store, "new"));
    store.create_app(old.clone()).await.unwrap();
    assert_eq!(store.rotate_app(&app(), new.key).await, Ok(true));
    assert_eq!(store.app_by_key(old.key).await, Ok(None));
    assert_eq!(store.app_by_key(new.key).await.unwrap().unwrap().name, app());
    assert_eq!(store.remove_app(&app()).await, Ok(true));
    assert_eq!(store.remove_app(&app()).await, Ok(false));
    assert_eq!(store.rotate_app(&app(), old.key).await, Ok(false));
    assert_eq!(store.app_by_name(&app()).await, Ok(None));
}

#[tokio::test]
async fn a_database_from_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path(), None).await.unwrap().close().await;
    let path = folder.path().join("smsotpd.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = std::fs::read(&path).unwrap();
    for refused in [Store::open(folder.path(), None).await, Store::open_beside(folder.path()).await] {
        assert_eq!(refused.unwrap_err(), StoreError::Newer { found: 99, known: 12 });
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_lost_key_is_not_replaced_and_a_strange_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path(), None).await.unwrap().close().await;
    let key = folder.path().join("key");
    let kept = folder.path().join("kept");
    std::fs::rename(&key, &kept).unwrap();
    let missing = Store::open(folder.path(), None).await.unwrap_err();
    assert_eq!(missing, StoreError::Key(KeyError::Missing(key.clone())));
    std::fs::copy(&kept, &key).unwrap();
    std::fs::write(&key, [7; 32]).unwrap();
    assert_eq!(Store::open(folder.path(), None).await.unwrap_err(), StoreError::Key(KeyError::Wrong));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("smsotpd.db");
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Store::open(folder.path(), None).await, Err(StoreError::Damaged(_))));
}

#[tokio::test]
async fn the_schema_is_the_one_that_was_released() {
    let world = World::new().await;
    world.store.close().await;
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    let mut statement =
        conn.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY tbl_name, type DESC, name").unwrap();
    let schema: Vec<String> = statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    insta::assert_snapshot!(schema.join(";\n"));
}

#[tokio::test]
async fn the_timeline_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = Store::open(folder.path(), None).await.unwrap();
    first.create_app(new_app(&first, "secret")).await.unwrap();
    let before = first.clock().now();
    first.close().await;
    let second = Store::open(folder.path(), None).await.unwrap();
    assert!(second.clock().now() >= before);
}

#[tokio::test]
async fn after_closing_commands_and_queries_are_refused() {
    let world = World::new().await;
    world.store.close().await;
    world.store.closed().await;
    assert_eq!(world.store.sweep().await, Err(StoreError::Gone));
    assert_eq!(world.store.apps().await, Err(StoreError::Gone));
    assert_eq!(std::fs::metadata(world.folder.path().join("smsotpd.db-wal")).map_or(0, |wal| wal.len()), 0);
}

#[tokio::test]
async fn when_more_wait_than_it_can_hold_the_rest_is_refused_at_once_and_nothing_is_lost() {
    let world = World::new().await;
    let other = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut accepting = tokio::task::JoinSet::new();
    for _ in 0..2_000 {
        let (store, message) = (world.store.clone(), world.new_message(&crate::world::alice()));
        accepting.spawn(async move { store.accept(message, None).await });
    }
    // The channel is full once somebody is refused; only then may the writer go on.
    let first = accepting.join_next().await.unwrap().unwrap();
    assert_eq!(first, Err(StoreError::Full));
    other.execute_batch("ROLLBACK").unwrap();
    let (mut accepted, mut full) = (0, 1);
    while let Some(answer) = accepting.join_next().await {
        match answer.unwrap() {
            Ok(_) => accepted += 1,
            Err(StoreError::Full) => full += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(accepted + full, 2_000);
    assert_eq!(world.store.counts().await.unwrap().queued, accepted);
    assert!(accepted >= 1_024, "{accepted}");
}

#[tokio::test]
async fn a_modem_that_was_taken_out_of_use_is_so_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).await.unwrap();
    let (m1, m2): (ModemName, ModemName) = ("m1".parse().unwrap(), "m2".parse().unwrap());
    let mut drained = store.drained();
    assert!(drained.borrow_and_update().is_empty());
    store.drain(&m1, &app()).await.unwrap();
    store.drain(&m2, &app()).await.unwrap();
    store.resume(&m2, &app()).await.unwrap();
    assert_eq!(drained.borrow_and_update().keys().collect::<Vec<_>>(), [&m1]);
    store.close().await;
    let store = Store::open(folder.path(), None).await.unwrap();
    assert_eq!(store.drained().borrow().keys().collect::<Vec<_>>(), [&m1]);
}

#[tokio::test(start_paused = true)]
async fn a_url_that_would_not_be_taken_today_is_read_as_it_was_kept() {
    let world = World::new().await;
    world.store.create_app(new_app(&world.store, "k")).await.unwrap();
    world.issue(world.new_otp(&alice())).await;
    let assignment = world.claim().await;
    let conn = rusqlite::Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    conn.execute("UPDATE app SET callback = 'http://203.0.113.5/hook'", ()).unwrap();
    world.sent(&assignment, 1).await;
    let due = world.store.deliveries_due(Vec::new(), 8, String::new(), |_| 8).await.unwrap();
    assert_eq!(due.deliveries[0].url.as_str(), "http://203.0.113.5/hook");
    let shown = world.store.app_callback(&app()).await.unwrap().unwrap();
    assert_eq!(shown.url.unwrap().as_str(), "http://203.0.113.5/hook");
}
