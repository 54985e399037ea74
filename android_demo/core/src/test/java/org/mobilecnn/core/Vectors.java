package org.mobilecnn.core;

import com.eclipsesource.json.Json;
import com.eclipsesource.json.JsonArray;
import com.eclipsesource.json.JsonObject;
import com.eclipsesource.json.JsonValue;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** The values that Python computes, from scripts/android_vectors.py. */
final class Vectors {
    private Vectors() {}

    /** The entries of one group, of which there is at least one. */
    static List<JsonObject> of(String group) throws IOException {
        try (InputStream stream = Vectors.class.getResourceAsStream("/vectors.json");
                Reader reader = new InputStreamReader(stream, StandardCharsets.UTF_8)) {
            List<JsonObject> entries = new ArrayList<>();
            for (JsonValue entry : Json.parse(reader).asObject().get(group).asArray()) {
                entries.add(entry.asObject());
            }
            if (entries.isEmpty()) {
                throw new AssertionError("no vectors in " + group);
            }
            return entries;
        }
    }

    static byte[] bytes(JsonValue value) {
        return Base64.getDecoder().decode(value.asString());
    }

    static float[] floats(JsonValue value) {
        byte[] content = bytes(value);
        float[] values = new float[content.length / 4];
        ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return values;
    }

    /** The verdict on an entry of the group "judged". */
    static AnswerCheck judge(JsonObject entry) throws Problem {
        JsonArray rows = entry.get("given").asArray();
        float[][] given = new float[rows.size()][];
        for (int i = 0; i < given.length; i++) {
            given[i] = floats(rows.get(i));
        }
        return AnswerCheck.judge(Passport.parse("a.json", entry.get("passport").toString()), given);
    }

    static InputContract contract(JsonObject value) throws Problem {
        return new InputContract(
                value.get("height").asInt(), value.get("width").asInt(), value.get("channels").asInt(),
                value.get("color").asString(), all(value.get("mean")), all(value.get("std")),
                value.get("resize").asString(), value.get("stated").asBoolean());
    }

    private static float[] all(JsonValue array) {
        float[] values = new float[array.asArray().size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.asArray().get(i).asFloat();
        }
        return values;
    }

    /** A picture of bytes in the order red, green, blue, alpha. */
    static Picture picture(int width, int height, byte[] rgba, int orientation) {
        int[] pixels = new int[width * height];
        ByteBuffer.wrap(rgba).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(pixels);
        return new Picture(width, height, pixels, Picture.Order.ABGR, orientation);
    }
}
