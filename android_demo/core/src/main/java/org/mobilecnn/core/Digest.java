package org.mobilecnn.core;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Checks that a file is the expected one. */
public final class Digest {
    private Digest() {}

    /**
     * Refuses a model that is not the file with this SHA-256.
     *
     * @param source the end of the sentence "... is not the file that", for the message.
     */
    public static void expect(String model, ByteBuffer content, String sha256, String source) throws Problem {
        String actual = sha256(content);
        if (!actual.equals(sha256)) {
            throw new Problem(Problem.MODEL_FILE, model + " is not the file that " + source
                    + " (its SHA-256 is " + actual + "); stage it again with mobilecnn android");
        }
    }

    /** The SHA-256 of a file, 64 hexadecimal digits. */
    public static String sha256(ByteBuffer content) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(content.duplicate());
            StringBuilder text = new StringBuilder();
            for (byte value : digest.digest()) {
                text.append(Character.forDigit(value >> 4 & 0xF, 16)).append(Character.forDigit(value & 0xF, 16));
            }
            return text.toString();
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
