package org.mobilecnn.core;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Whether a file is the one that is meant. */
public final class Digest {
    private Digest() {}

    /**
     * Refuses a model that is not the file with this SHA-256.
     *
     * @param source finishes "... is not the file that".
     */
    public static void expect(String model, ByteBuffer content, String sha256, String source) throws Problem {
        String found = sha256(content);
        if (!found.equals(sha256)) {
            throw new Problem(Problem.MODEL_FILE, model + " is not the file that " + source
                    + " (its SHA-256 is " + found + "); stage it again with mobilecnn android");
        }
    }

    private static String sha256(ByteBuffer content) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(content.duplicate());
            StringBuilder text = new StringBuilder();
            for (byte each : digest.digest()) {
                text.append(Character.forDigit(each >> 4 & 0xF, 16)).append(Character.forDigit(each & 0xF, 16));
            }
            return text.toString();
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
