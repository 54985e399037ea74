package org.mobilecnn.demo;

import android.content.ContentProvider;
import android.content.ContentValues;
import android.database.Cursor;
import android.net.Uri;

/** An app that offers files and fails at whatever it is asked. */
public final class FailingProvider extends ContentProvider {
    @Override
    public boolean onCreate() {
        return true;
    }

    @Override
    public Cursor query(Uri file, String[] columns, String which, String[] values, String order) {
        throw new UnsupportedOperationException("a provider that throws");
    }

    @Override
    public String getType(Uri file) {
        throw new UnsupportedOperationException("a provider that throws");
    }

    @Override
    public Uri insert(Uri file, ContentValues values) {
        throw new UnsupportedOperationException("a provider that throws");
    }

    @Override
    public int delete(Uri file, String which, String[] values) {
        throw new UnsupportedOperationException("a provider that throws");
    }

    @Override
    public int update(Uri file, ContentValues values, String which, String[] names) {
        throw new UnsupportedOperationException("a provider that throws");
    }
}
