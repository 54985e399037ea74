package org.mobilecnn.demo;

import android.content.Context;
import android.net.Uri;
import java.util.List;
import org.mobilecnn.core.AssumedPassport;
import org.mobilecnn.core.Problem;

/**
 * The opening of models of the phone, and their removal, for a {@link Presenter}; every method is called on the main thread.
 *
 * <p>A model without a passport waits until the user has decided on it.
 */
final class Opening {
    private final Presenter presenter;
    private final ModelSession session;

    /** The model that is being opened; used on the session's thread only. */
    private final OpenedModel model;

    /** The name of a model without a passport that the user has to decide on; null without. */
    private String offered;

    /** How often files were chosen. */
    private int openings;

    /** How many openings are still being worked on. */
    private int unfinished;

    Opening(Context context, Presenter presenter, ModelSession session) {
        this.presenter = presenter;
        this.session = session;
        model = new OpenedModel(context);
    }

    /** Whether a model is being opened. */
    boolean busy() {
        return unfinished > 0;
    }

    /**
     * Opens a model of the phone: a .tflite file, its passport, or both. A model that the user has to decide on still waits
     * where what was chosen for its passport is something else.
     */
    void open(List<Uri> files) {
        boolean undecided = offered != null;
        offered = null;
        int opening = ++openings;
        begin(() -> {
            try {
                if (model.take(files)) {
                    String name = model.title();
                    end(() -> offer(name, "", opening));
                } else {
                    keep(null, undecided);
                }
            } catch (Problem other) {
                if (!undecided || !model.waitsWithoutPassport()) {
                    throw other;
                }
                String name = model.title();
                end(() -> offer(name, other.getMessage(), opening));
            }
        });
    }

    /** Goes on without a passport: the numbers of the pictures are in this range. */
    void assume(AssumedPassport.Range range) {
        offered = null;
        begin(() -> keep(range, false));
    }

    /** Forgets the model that is being opened. */
    void drop() {
        offered = null;
        session.post(model::drop);
    }

    /** The name of the model that the user has to decide on, to be kept for {@link #resume}; null without. */
    String offered() {
        return offered;
    }

    /** Makes an offer again that was made before the app's process ended. */
    void resume(String name) {
        int opening = openings;
        session.post(() -> {
            if (model.resume(name)) {
                session.onScreen(() -> offer(name, "", opening));
            }
        });
    }

    /** Removes a model that was opened from the phone, after the work that still needs it. */
    void remove(String path) {
        session.post(() -> {
            try {
                model.remove(path);
            } finally {
                // Whoever looked before its turn has it in the list still; one that could not be removed is not.
                session.onScreen(presenter::refresh);
            }
        });
    }

    /** Queues work, which ends with {@link #end}, or with an exception: then the user is told why. */
    private void begin(ModelSession.Task work) {
        unfinished++;
        presenter.work();
        session.post(work, text -> end(() -> presenter.say(text)));
    }

    /** On the session's thread: queues what the screen shows of an opening that has come to its end. */
    private void end(Runnable outcome) {
        session.onScreen(() -> {
            unfinished--;
            outcome.run();
        });
    }

    /** Makes an offer; {@code why} is what the user is told with it. */
    private void offer(String name, String why, int opening) {
        // Other files may have been chosen meanwhile.
        if (opening == openings) {
            presenter.say(why);
            offered = name;
            presenter.offerAgain();
        }
    }

    /**
     * On the session's thread: keeps the model that is being opened.
     *
     * @param range null where it has a passport.
     * @param patient whether it waits on where it cannot be kept.
     */
    private void keep(AssumedPassport.Range range, boolean patient) throws Problem {
        String path = null;
        try {
            if (range != null) {
                model.assume(range);
            }
            path = model.keep();
        } finally {
            if (path != null || !patient) {
                model.drop();
            }
        }
        String kept = path;
        end(() -> presenter.onOpened(kept));
    }
}
