package org.mobilecnn.demo;

import android.content.ContentProvider;
import android.content.ContentValues;
import android.content.Context;
import android.database.Cursor;
import android.database.MatrixCursor;
import android.net.Uri;
import android.os.ParcelFileDescriptor;
import android.provider.OpenableColumns;
import java.io.File;
import java.io.FileNotFoundException;

/** Lets the app that a measurement is shared with read it: that one alone, and nothing else of this app. */
public final class SharedTimings extends ContentProvider {
    static final String TYPE = "application/json";

    /** The address of a measurement of {@link TimingHistory#names}. */
    static Uri uri(Context context, String name) {
        return new Uri.Builder().scheme("content").authority(context.getPackageName() + ".timings").appendPath(name).build();
    }

    @Override
    public boolean onCreate() {
        return true;
    }

    @Override
    public String getType(Uri uri) {
        return TYPE;
    }

    @Override
    public ParcelFileDescriptor openFile(Uri uri, String mode) throws FileNotFoundException {
        if (!mode.equals("r")) {
            throw new FileNotFoundException("measurements are for reading");
        }
        return ParcelFileDescriptor.open(file(uri), ParcelFileDescriptor.MODE_READ_ONLY);
    }

    @Override
    public Cursor query(Uri uri, String[] columns, String which, String[] values, String order) {
        String[] known = {OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE};
        MatrixCursor cursor = new MatrixCursor(columns == null ? known : columns);
        try {
            File file = file(uri);
            MatrixCursor.RowBuilder row = cursor.newRow();
            // Others of the asked columns stay empty.
            row.add(OpenableColumns.DISPLAY_NAME, "measurement-" + file.getName());
            row.add(OpenableColumns.SIZE, file.length());
        } catch (FileNotFoundException gone) {
            return cursor;
        }
        return cursor;
    }

    /** @throws FileNotFoundException if it is none of the measurements, whatever else the address names. */
    private File file(Uri uri) throws FileNotFoundException {
        return new TimingHistory(getContext()).file(uri.getLastPathSegment());
    }

    @Override
    public Uri insert(Uri uri, ContentValues values) {
        throw new UnsupportedOperationException("measurements are for reading");
    }

    @Override
    public int delete(Uri uri, String which, String[] values) {
        throw new UnsupportedOperationException("measurements are for reading");
    }

    @Override
    public int update(Uri uri, ContentValues values, String which, String[] names) {
        throw new UnsupportedOperationException("measurements are for reading");
    }
}
