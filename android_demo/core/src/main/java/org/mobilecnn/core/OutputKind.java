package org.mobilecnn.core;

/** What a model's scores stand for: the rows of {@code convert/output_kinds.py}. */
public enum OutputKind {
    /** A probability for each class, 1 together. */
    SOFTMAX("softmax", Decision.BEST, Link.IDENTITY),
    /** A logit for each class. */
    LOGITS("logits", Decision.BEST, Link.SOFTMAX),
    /** A probability for each class, not 1 together. */
    SIGMOID_EXCLUSIVE("sigmoid-exclusive", Decision.BEST, Link.IDENTITY),
    /** The probability of the second of two classes. */
    SIGMOID_BINARY("sigmoid-binary", Decision.BINARY, Link.IDENTITY),
    /** The logit of the second of two classes. */
    LOGIT_BINARY("logit-binary", Decision.BINARY, Link.SIGMOID),
    /** A probability for each label by itself. */
    SIGMOID_MULTI_LABEL("sigmoid-multi-label", Decision.EACH, Link.IDENTITY),
    /** A logit for each label by itself. */
    LOGITS_MULTI_LABEL("logits-multi-label", Decision.EACH, Link.SIGMOID),
    /** Scores of which nothing is known but that the largest is the best class's. */
    UNKNOWN("unknown", Decision.BEST, Link.NONE);

    /** How the answer is read off the scores: the best class, one of two by a threshold, or each label by it. */
    public enum Decision { BEST, BINARY, EACH }

    /** What makes a probability of a score. */
    public enum Link { IDENTITY, SOFTMAX, SIGMOID, NONE }

    /** The name in passports. */
    public final String text;

    /** How the answer is read off. */
    public final Decision decision;

    /** What makes a probability of a score. */
    public final Link link;

    OutputKind(String text, Decision decision, Link link) {
        this.text = text;
        this.decision = decision;
        this.link = link;
    }

    /** The kind that a passport names; null where there is none of that name. */
    public static OutputKind named(String text) {
        for (OutputKind kind : values()) {
            if (kind.text.equals(text)) {
                return kind;
            }
        }
        return null;
    }

    /** The number of classes or labels that so many outputs tell apart. */
    public int answers(int outputs) {
        return decision == Decision.BINARY ? 2 : outputs;
    }
}
