package org.mobilecnn.compose

import android.Manifest
import android.os.Build
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.activity.compose.rememberLauncherForActivityResult
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts
import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.AlertDialog
import androidx.compose.material3.AssistChip
import androidx.compose.material3.Button
import androidx.compose.material3.FilterChip
import androidx.compose.material3.LinearProgressIndicator
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.material3.darkColorScheme
import androidx.compose.material3.dynamicDarkColorScheme
import androidx.compose.material3.dynamicLightColorScheme
import androidx.compose.material3.lightColorScheme
import androidx.compose.runtime.Composable
import androidx.compose.runtime.collectAsState
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.platform.LocalContext
import androidx.compose.ui.platform.LocalResources
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.unit.dp
import androidx.lifecycle.viewmodel.compose.viewModel
import org.mobilecnn.core.ScreenState

/** The one screen. What it shows is [ScreenModel], and what it does is [Session]. */
class MainActivity : ComponentActivity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        enableEdgeToEdge()
        setContent { MaterialTheme(colorScheme = colors()) { Screen(viewModel()) } }
    }
}

@Composable
private fun colors() =
    when {
        Build.VERSION.SDK_INT >= Build.VERSION_CODES.S && isSystemInDarkTheme() -> dynamicDarkColorScheme(LocalContext.current)
        Build.VERSION.SDK_INT >= Build.VERSION_CODES.S -> dynamicLightColorScheme(LocalContext.current)
        isSystemInDarkTheme() -> darkColorScheme()
        else -> lightColorScheme()
    }

@Composable
private fun Screen(held: ClassifierViewModel) {
    val shown by held.model.collectAsState()
    val session = held.session
    val words = Words(LocalResources.current)
    var explained by remember { mutableStateOf(false) }
    Scaffold { insets ->
        Column(Modifier.padding(insets).padding(16.dp)) {
            // Above what scrolls: whether the answers can be trusted is always in view.
            Verdict(shown.state, words) { explained = true }
            Column(
                Modifier.verticalScroll(rememberScrollState()),
                verticalArrangement = Arrangement.spacedBy(12.dp),
            ) {
                if (shown.live) CameraPreview(session::frame)
                if (shown.state.busy) LinearProgressIndicator(modifier = Modifier.fillMaxWidth())
                Answer(shown.state, words)
                if (shown.state.message.isNotEmpty()) Text(shown.state.message, color = MaterialTheme.colorScheme.error)
                Choices(shown, session::choose)
                Sources(session)
            }
        }
    }
    if (explained) Explanation(shown.state, words) { explained = false }
}

/** What the verdict means, in front of the screen, however far that is scrolled. */
@Composable
private fun Explanation(
    state: ScreenState,
    words: Words,
    close: () -> Unit,
) {
    val verdict = words.verdict(state.trust) ?: return
    AlertDialog(
        onDismissRequest = close,
        confirmButton = { TextButton(onClick = close) { Text(stringResource(R.string.close)) } },
        title = { Text(verdict) },
        text = { words.why(state)?.let { Text(it) } },
    )
}

/** The verdict, which keeps its place whatever happens; [explain] says what it means. */
@Composable
private fun Verdict(
    state: ScreenState,
    words: Words,
    explain: () -> Unit,
) {
    words.verdict(state.trust)?.let { AssistChip(onClick = explain, label = { Text(it) }) }
}

@Composable
private fun Answer(
    state: ScreenState,
    words: Words,
) {
    Text(words.headline(state), style = MaterialTheme.typography.headlineMedium)
    val outcome = state.outcome ?: return
    for (entry in outcome.entries) {
        Row(Modifier.fillMaxWidth(), horizontalArrangement = Arrangement.SpaceBetween) {
            Text(words.label(outcome, entry))
            Text(words.share(entry))
        }
        if (!entry.probability.isNaN()) {
            LinearProgressIndicator(progress = { entry.probability.toFloat() }, modifier = Modifier.fillMaxWidth())
        }
    }
    Text(words.times(outcome), style = MaterialTheme.typography.labelMedium)
}

@Composable
private fun Choices(
    shown: ScreenModel,
    choose: (Choice) -> Unit,
) {
    Text(stringResource(R.string.settings), style = MaterialTheme.typography.titleMedium)
    if (shown.models.isEmpty()) Text(stringResource(R.string.no_models))
    for (name in shown.models) {
        FilterChip(
            selected = name == shown.choice.model,
            onClick = { choose(Choice(name, shown.onGpu)) },
            label = { Text(name) },
        )
    }
    Row(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
        for ((onGpu, text) in listOf(false to R.string.on_cpu, true to R.string.on_gpu)) {
            FilterChip(
                selected = onGpu == shown.onGpu,
                onClick = { if (shown.models.isNotEmpty()) choose(Choice(shown.choice.model, onGpu)) },
                label = { Text(stringResource(text)) },
            )
        }
    }
}

@Composable
private fun Sources(session: Session) {
    val refused = stringResource(R.string.camera_refused)
    val picker =
        rememberLauncherForActivityResult(ActivityResultContracts.PickVisualMedia()) { uri -> uri?.let(session::photo) }
    val permission =
        rememberLauncherForActivityResult(ActivityResultContracts.RequestPermission()) { granted ->
            if (granted) session.live() else session.say(refused)
        }
    Row(horizontalArrangement = Arrangement.spacedBy(8.dp)) {
        Button(onClick = { permission.launch(Manifest.permission.CAMERA) }) { Text(stringResource(R.string.camera)) }
        Button(
            onClick = {
                picker.launch(PickVisualMediaRequest(ActivityResultContracts.PickVisualMedia.ImageOnly))
            },
        ) { Text(stringResource(R.string.photo)) }
    }
}
