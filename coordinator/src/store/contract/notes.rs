//! Notes.

use crate::store::*;

pub async fn a_note_is_kept_replaced_and_dropped(store: &dyn Store) {
    let note = |kind: &str, key: &str, body: &str| Note {
        kind: kind.to_owned(),
        key: key.to_owned(),
        body: body.to_owned(),
    };
    for (key, body) in [("b", "1"), ("a", "2"), ("b", "3")] {
        store.keep_note(note("one", key, body)).await.unwrap();
    }
    store.keep_note(note("other", "a", "4")).await.unwrap();
    assert_eq!(store.notes("one").await.unwrap(), [note("one", "a", "2"), note("one", "b", "3")]);
    store.drop_note("one", "a").await.unwrap();
    store.drop_note("one", "never there").await.unwrap();
    assert_eq!(store.notes("one").await.unwrap(), [note("one", "b", "3")]);
    assert_eq!(store.notes("other").await.unwrap(), [note("other", "a", "4")]);
}
