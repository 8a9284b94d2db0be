import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider, useDispatch, useSelector } from 'react-redux';
import { FILTERS, added, chosen, cleared, countOpen, deleted, makeStore, shown, toggled } from './tasks.js';

function NewTask() {
  const [title, setTitle] = useState('');
  const dispatch = useDispatch();
  const submit = (event) => {
    event.preventDefault();
    if (title.trim()) dispatch(added(title.trim()));
    setTitle('');
  };
  return (
    <form onSubmit={submit}>
      <input aria-label="New task" placeholder="What is to be done?" value={title}
        onChange={(event) => setTitle(event.target.value)} />
      <button>Add</button>
    </form>
  );
}

function Task({ id, title, isDone }) {
  const dispatch = useDispatch();
  return (
    <li className={isDone ? 'done' : ''}>
      <label>
        <input type="checkbox" checked={isDone} onChange={() => dispatch(toggled(id))} /> <span>{title}</span>
      </label>
      <button aria-label={`Delete ${title}`} onClick={() => dispatch(deleted(id))}>×</button>
    </li>
  );
}

function Footer() {
  const open = useSelector(countOpen);
  const current = useSelector((state) => state.filter);
  const dispatch = useDispatch();
  return (
    <footer>
      <span id="count">{open} open</span>
      {Object.keys(FILTERS).map((name) => (
        <button key={name} aria-pressed={name === current} onClick={() => dispatch(chosen(name))}>{name}</button>
      ))}
      <button className="clear" onClick={() => dispatch(cleared())}>clear done</button>
    </footer>
  );
}

function App() {
  const tasks = useSelector(shown);
  return (
    <main>
      <h1>Tasks</h1>
      <NewTask />
      <ul>{tasks.map((task) => <Task key={task.id} {...task} />)}</ul>
      <Footer />
    </main>
  );
}

createRoot(document.getElementById('root')).render(
  <Provider store={makeStore()}>
    <App />
  </Provider>,
);
