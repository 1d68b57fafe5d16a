// The tables of a store of vectors, in the steps in which they came to be. Inside vectors/ only.
#pragma once

#include <array>

#include "sqlite/migrations.h"

namespace weir::vectors {

// A point's vectors lie apart from it, so that ids and payloads can be walked without them; the key
// is the point's seq times kSpaces plus the number of the space (CollectionRow::SlotOf).
inline constexpr std::array kRowSchema = {
    sqlite::Migration{"CREATE TABLE vector_collection ("
                      "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                      "  name TEXT NOT NULL UNIQUE,"
                      "  spaces TEXT NOT NULL"
                      ") STRICT;"
                      "CREATE TABLE vector_point ("
                      "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
                      "  collection INTEGER NOT NULL REFERENCES vector_collection (id),"
                      "  id TEXT NOT NULL,"
                      "  payload TEXT NOT NULL,"
                      "  text TEXT NOT NULL,"
                      "  UNIQUE (collection, id)"
                      ") STRICT;"
                      "CREATE INDEX vector_point_of ON vector_point (collection);"
                      "CREATE TABLE vector_data ("
                      "  key INTEGER PRIMARY KEY,"
                      "  value BLOB NOT NULL"
                      ") STRICT"},
    sqlite::Migration{"ALTER TABLE vector_collection ADD COLUMN about TEXT NOT NULL DEFAULT '';"
                      "CREATE TABLE vector_alias ("
                      "  name TEXT PRIMARY KEY,"
                      "  collection INTEGER NOT NULL REFERENCES vector_collection (id)"
                      "    ON DELETE CASCADE"
                      ") STRICT, WITHOUT ROWID;"
                      "CREATE TABLE vector_note ("
                      "  key TEXT PRIMARY KEY,"
                      "  text TEXT NOT NULL"
                      ") STRICT, WITHOUT ROWID"},
    sqlite::Migration{"ALTER TABLE vector_point ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;"
                      "CREATE INDEX vector_point_expires ON vector_point (collection, expires)"
                      "  WHERE expires > 0"},
    // Nothing changes but what a program has to know: a space may be multi. One that does not know
    // that would take such vectors for damaged ones.
    sqlite::Migration{"UPDATE vector_collection SET spaces = spaces WHERE id < 0"},
    // Likewise: the number of a space need not be its place among them.
    sqlite::Migration{"UPDATE vector_collection SET spaces = spaces WHERE id < 0"},
};

}  // namespace weir::vectors
