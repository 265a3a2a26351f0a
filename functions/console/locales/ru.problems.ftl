# Что не так с запросом и что делать.

several-fields = Полей с ошибками: { $count }.
console-failed = Сбой консоли. Причина — в журнале.
tables-unavailable = Таблицы сейчас недоступны. Попробуйте через минуту ещё раз.
key-service-unavailable = Служба ключей сейчас недоступна. Попробуйте через минуту ещё раз.
quarantine-unavailable = Очередь карантина не отвечает. Попробуйте через минуту ещё раз.
changed-meanwhile = Тем временем это изменили. Прочитайте снова и повторите изменение.

# Адреса
no-such-path = По этому адресу ничего нет. См. /api/openapi.json.
no-such-method = Этот адрес не принимает такого метода. См. заголовок Allow.
no-such-id = В адресе есть нечто, что не является идентификатором.
no-transaction = Такой транзакции нет.
no-bundle = Такой связки нет.
no-connection = Такого подключения нет.
no-form = Такой формы нет.
no-page = Такой страницы нет.
no-version = Такой версии нет.
no-lead = Такого лида нет.
no-language = Такого языка нет.

# Тело запроса и параметры
body-unread = Тело запроса не читается: { $words }
no-json = Тело запроса — не объект JSON: { $words }.
no-yaml = Документ — не YAML: { $words }
value-missing = не хватает поля { $field }
value-unknown-field = неизвестное поле `{ $field }`; возможны: { $known }
value-unknown-choice = неизвестное значение `{ $given }`; возможны: { $known }
value-no-literal = должен быть текст, целое число, true или false
value-no-slug = идентификатор состоит из 1–40 знаков: a-z, 0-9 и -
value-no-meta-id = идентификатор Meta состоит из 1–20 цифр
value-unfit = значение не подходит: { $words }
query-wrong = Ошибка в параметрах: { $why }.
query-parameter-wrong = `{ $name }`: { $why }.
query-cursor = `cursor`: не курсор этого списка; начните без него.
query-limit = `limit`: должно быть от 1 до { $most }.
query-no-form = `form_id`: не указан; скажите, чьи вопросы.
query-no-phone = `phone`: это не номер телефона.
query-no-email = `email`: это не адрес электронной почты.
query-to = `to`: должен быть путь в консоли, например /api/connections.

# Кто может войти
closed-loopback = Консоль закрыта. Она работает без входа и отвечает только на этом же компьютере.
closed-no-sign-in = Консоль закрыта. Задайте OIDC_ISSUER и OIDC_CLIENT_ID, чтобы определить, кто может войти.
closed-sign-in = Консоль закрыта. Сначала нужно войти.
foreign-origin = Этот запрос отправила посторонняя страница.
foreign-page = Этот запрос отправила не страница консоли.
sign-in-first = Войдите или отправьте токен провайдера входа как Bearer.
token-no-good = Токен не подходит: { $why }.
issuer-unreachable = провайдер входа не отвечает или отвечает не так; причина — в журнале
attempt-stale = вход занял слишком много времени или его начал другой браузер
refused-no-id-token = провайдер входа не прислал ID-токена
refused-no-token = это не подписанный токен провайдера входа
refused-code = провайдер входа не принимает кода
refused-person = провайдер входа не впустил пользователя
refused-expired = срок его действия истёк
refused-audience = он предназначен для другого клиента
refused-issuer = он от другого провайдера входа
refused-nonce = это ответ на другой вход
refused-signature = его подпись не принадлежит провайдеру входа
refused-other = он недействителен или ещё не действителен

# Подключения
id-taken = Этот идентификатор занят. Выберите другой.
title-length = должно быть от 1 до { $most } знаков
credential-missing = не хватает: нужно для подключения вида { $kind }
credential-superfluous = лишнее для подключения вида { $kind }
connection-used = Подключение использует связка { $bundle }. Измените или удалите её.
connection-gone = Подключения { $id } больше нет.
connection-not-in-use = Подключение { $id } не работает. Сначала возобновите его.
connection-not-remonline = Подключение { $id } ведёт не в RemOnline.
connection-not-facebook = Подключение { $id } ведёт не в Facebook.
not-remonline = Подключение ведёт не в RemOnline.
no-key = У подключения нет ключа. Введите его.
key-unopenable = Ключ подключения не расшифровывается. Введите его заново.
no-app-id = Чтобы войти через Facebook, задайте FACEBOOK_APP_ID.
login-stale = Этот вход начат не в этом браузере или слишком давно. Начните снова.

# Связки
id-fixed = изменить нельзя; не указывайте его или создайте другую связку
if-match-missing = Отправьте If-Match с ETag версии, которую нужно заменить.
version-stale = У связки уже другая версия. Прочитайте её снова и повторите изменение.
no-facebook-connection = это не подключение вида facebook; сначала создайте его
no-remonline-connection = это не подключение вида remonline; сначала создайте его
connection-not-there = подключения { $id } нет; сначала создайте его
connection-is-paused = подключение { $id } приостановлено; сначала возобновите его
connection-key-refused = ключ подключения { $id } отклонён; введите новый
connection-lacks-right = подключению { $id } не хватает права; выдайте его и возобновите подключение
page-has-no-form = на странице нет формы { $id }
id-not-there = в RemOnline здесь нет { $id }; выберите из того, что есть
answers-or-lead = укажите либо `answers`, либо `leadgen_id`
lead-not-shown = Meta не показывает этого лида
since-future = это в будущем
since-too-old = это больше 90 дней назад: дольше Meta лидов не хранит
remonline-gone = Подключения RemOnline этой связки больше нет.

fault-empty = не может быть пустым
fault-required = обязательное поле; заполните его
fault-came-out-empty = обязательное поле вышло пустым; задайте постоянное значение или значение по умолчанию
fault-form-id = должен быть идентификатор формы, от 1 до 20 цифр, или *
fault-country = должна быть страна, например UA
fault-time-zone = должен быть часовой пояс, например Europe/Kyiv
fault-custom-key = должно называться f и номером поля, например f5001
fault-number = должен быть номер из RemOnline, например 15001
fault-flag = должно быть true или false
fault-moment = должны быть дата и время, например 2026-03-31 15:00
fault-date = должна быть дата, например 1990-03-31
fault-client-key = должно называть phone, email или оба
fault-order-key = должно называть client_id
fault-repeated-key = должно называть каждый ключ один раз
fault-client-field = у клиента нет такого поля; собственные поля называются так: f5001
fault-not-appendable = дописывать можно только к текстам
fault-days = должно быть от 1 до 3650 дней
template-at = строка { $line }, знак { $column }: { $fault }
template-syntax = ошибка в записи: { $words }
template-unknown-name = `{ $name }` нет; есть { $known }
template-too-much = шаблон делает слишком много; упростите его
template-phone-region = фильтр `phone` принимает страну, например 'UA'
template-date-time-zone = фильтр `date` принимает часовой пояс, например 'Europe/Kyiv'
template-date-format = фильтр `date` принимает формат strftime, например '%d.%m.%Y'
template-date-input = фильтр `date` получил не дату; он читает даты вида 2026-03-31
template-choice-map = фильтр `choice` принимает соответствия, например {"{"}'да': 1, 'нет': 2{"}"}
template-engine = шаблон не работает: { $words }

# Лиды
no-phone = это не номер телефона
no-email = это не адрес электронной почты
exactly-one-person = укажите ровно одно: phone, email или leadgen_id
not-retried = Состояние лида — «{ $state }»: повторить его нельзя.
not-in-review = Состояние лида — «{ $state }»: решить можно только тот, что на проверке.
not-now = Лид теперь в состоянии «{ $state }»: этого сделать нельзя.
rules-gone = Связка лида или её подключение удалены.
other-account = Клиент этого лида начат в другом аккаунте RemOnline. Повторите по первоначальным правилам.
lead-busy = Лид сейчас меняет кто-то другой. Попробуйте через минуту ещё раз.
order-gone = в RemOnline нет заказа { $id }
order-of-no-person = это заказ не физического лица
order-of-other-client = это заказ клиента { $id }
client-gone = в RemOnline нет клиента { $id }
client-settled = клиент лида уже определён: { $id }
only-for-link = нужно только для решения link
order-missing = не хватает: клиент лида определён, а заказ — нет
client-or-order-missing = не хватает: укажите клиента или заказ
step-interrupted = Программа завершилась во время отправки; повторно это не отправляется.
doubt-several = Клиенты { $ids } подходят одинаково; взят первый.
doubt-by-phone = Взят клиент { $chosen }; по телефону это был бы { $ids }.
doubt-by-email = Взят клиент { $chosen }; по почте это был бы { $ids }.
